-- Polls as old as what is pruned, that nothing kept refers to. None of them can be referred to later:
-- what is written refers to the poll that writes it, or takes over what a row already refers to.
-- $1 the cutoff as a moment, $2 as a day
with old as materialized (
    select id, account, cycle, outcome in ('applied', 'unchanged') as believed
    from lmp_billing.cycle_polls
    where finished_at < $1
),
-- Nearly all that is kept was written by later polls, whose numbers are greater. No row where no poll is old:
-- then nothing that is kept has to be read.
bound as (
    select max(id) as id from old having max(id) is not null
),
used as (
    select r.poll_id as id from lmp_billing.reports r, bound b where r.poll_id <= b.id
    union
    select r.withdrawn_poll_id from lmp_billing.reports r, bound b where r.withdrawn_poll_id <= b.id
    union
    select s.poll_id from lmp_billing.superseded_versions s, bound b where s.poll_id <= b.id
    union
    select q.poll_id from lmp_billing.quarantined_reports q, bound b where q.poll_id <= b.id
)
select o.id
from old o
where not exists (select from used u where u.id = o.id)
  -- The newest believed poll of a cycle tells which answers are stale, and how old its data are.
  and not (
      o.believed
      and not exists (
          select from lmp_billing.cycle_polls n
          where n.account = o.account and n.cycle = o.cycle and n.outcome in ('applied', 'unchanged') and n.id > o.id)
      and (o.cycle + interval '1 month' > $2::date
           or exists (select from lmp_billing.reports r where r.account = o.account and r.cycle = o.cycle))
  )
order by o.id
