-- Deletes old runs of which neither a poll nor a tick is left.
-- $1 the cutoff as a moment, $2 how many at most
with doomed as (
    select id
    from lmp_billing.sync_runs r
    where finished_at < $1
      and not exists (select from lmp_billing.cycle_polls p where p.run_id = r.id)
      and not exists (select from lmp_billing.schedule_ticks t where t.run_id = r.id)
    order by id
    limit $2
    for update of r skip locked
)
delete from lmp_billing.sync_runs r
using doomed d
where r.id = d.id
