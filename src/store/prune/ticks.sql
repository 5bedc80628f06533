-- Deletes old ticks, but of each account and job never the newest: it says from when on ticks were
-- missed. An account's first sync (-infinity) is no moment that could be old; it says that there has
-- been one. Ticks ahead of the clock count for nothing.
-- $1 the cutoff as a moment, $2 how many at most
with doomed as (
    select account, job, due_at
    from lmp_billing.schedule_ticks t
    where due_at < $1
      and due_at > '-infinity'
      and due_at < (select max(n.due_at) from lmp_billing.schedule_ticks n
                    where n.account = t.account and n.job = t.job and n.due_at <= clock_timestamp())
    order by account, job, due_at
    limit $2
    for update of t skip locked
)
delete from lmp_billing.schedule_ticks t
using doomed d
where t.account = d.account and t.job = d.job and t.due_at = d.due_at
