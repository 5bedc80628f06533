-- Listed reports by account, cycle and status, with how long those that are open have waited.
with grouped as (
    -- The one pass over all reports.
    select account,
           cycle,
           status,
           count(*) as reports,
           count(*) filter (where status_since < now() - interval '7 days') as over_a_week,
           count(*) filter (where status_since < now() - interval '30 days') as over_a_month,
           min(status_since) as oldest_since
    from lmp_billing.reports
    where withdrawn_at is null and account = any($1)
    group by account, cycle, status
)
-- However many statuses the vendor invents, they are one here.
select g.account as "account!",
       g.cycle as "cycle!: Cycle",
       case when s.lmp_code is not null then s.status end as status,
       coalesce(bool_and(s.is_final), false) as "is_final!",
       sum(g.reports)::int8 as "reports!",
       sum(g.over_a_week)::int8 as "over_a_week!",
       sum(g.over_a_month)::int8 as "over_a_month!",
       min(g.oldest_since) as "oldest_since!"
from grouped g
left join lmp_billing.report_statuses s on s.status = g.status
group by 1, 2, 3
order by 1, 2 desc, 3
