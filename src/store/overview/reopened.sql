-- Reports that are open now although they were final at some time of the last sixty days.
with was_final as (
    select p.account, p.id, max(p.valid_to) as reopened_at
    from (
        -- However much has changed, no more than this is looked at.
        select account, id, status, valid_to
        from lmp_billing.superseded_versions
        where valid_to > now() - interval '60 days'
        order by valid_to desc
        limit 200000
    ) p
    join lmp_billing.report_statuses s on s.status = p.status and s.is_final
    where p.account = any($1)
    group by p.account, p.id
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
