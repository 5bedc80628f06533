-- Reports that are open now although they stopped being final in the last sixty days. $1 accounts
with was_final as (
    select c.account, c.id, max(c.changed_at) as reopened_at
    from lmp_billing.status_changes c
    join lmp_billing.report_statuses s on s.status = c.from_status and s.is_final
    where c.account = any($1)
      and c.changed_at > now() - interval '60 days'
    group by c.account, c.id
)
select r.account as "account!",
       r.id as "id!",
       r.cycle as "cycle!: Cycle",
       left(r.partner_company_name, 200) as "partner_company_name!",
       left(r.status, 200) as "status!",
       f.reopened_at as "reopened_at!",
       count(*) over () as "total!"
from was_final f
-- Looked up one by one: they are few, and the planner thinks that they are many.
cross join lateral (
    select *
    from lmp_billing.reports
    where id = f.id and account = f.account
    limit 1
) r
left join lmp_billing.report_statuses s on s.status = r.status
where r.withdrawn_at is null and not coalesce(s.is_final, false)
order by f.reopened_at desc, r.partner_company_name, r.id
limit 20
