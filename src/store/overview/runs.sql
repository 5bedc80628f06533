-- For each job the last run with each outcome, among its last fifty.
select distinct on (j.place, r.outcome)
       r.account as "account!",
       r.job as "job!",
       r.id as "run_id!",
       r.trigger as "trigger!",
       r.started_at as "started_at!",
       r.finished_at,
       r.outcome as "outcome!",
       r.polls as "polls!",
       r.polls_failed as "polls_failed!",
       r.inserted as "inserted!",
       r.updated as "updated!",
       r.withdrawn as "withdrawn!",
       r.deleted as "deleted!",
       left(r.error, 1000) as error,
       r.id = max(r.id) over (partition by j.place) as "is_newest!"
from unnest($1::text[], $2::text[]) with ordinality j (account, job, place)
cross join lateral (
    select *
    from lmp_billing.sync_runs s
    where s.account = j.account and s.job = j.job
    order by s.id desc
    limit 50
) r
order by j.place, r.outcome, r.id desc
