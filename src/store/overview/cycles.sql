-- For each cycle of the window: the last believed poll, and the last suspect one after it.
select a.account as "account!",
       c.cycle as "cycle!: Cycle",
       believed.id as "believed_poll?",
       believed.finished_at as "confirmed_at?",
       suspect.finished_at as "suspect_at?",
       left(suspect.error, 1000) as suspect_reason
from unnest($1::text[]) with ordinality a (account, place)
cross join unnest($2::date[]) c (cycle)
left join lateral (
    select p.id, p.finished_at
    from lmp_billing.cycle_polls p
    where p.account = a.account and p.cycle = c.cycle and p.outcome in ('applied', 'unchanged')
    order by p.id desc
    limit 1
) believed on true
left join lateral (
    select p.finished_at, p.error
    from lmp_billing.cycle_polls p
    where p.account = a.account and p.cycle = c.cycle and p.outcome = 'suspect'
      and p.id > coalesce(believed.id, 0)
    order by p.id desc
    limit 1
) suspect on true
order by a.place, c.cycle desc
