-- Deletes locked reports with their earlier versions. A statement after the one that locks, so that it
-- sees every version that was there when the lock was taken.
-- $1 account, $2 ids
with versions as (
    delete from lmp_billing.superseded_versions where account = $1 and id = any($2) returning 1
),
reports as (
    delete from lmp_billing.reports where account = $1 and id = any($2) returning 1
)
select (select count(*) from reports) as "reports!",
       (select count(*) from versions) as "versions!"
