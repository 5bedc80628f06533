-- The newest rows of status_changes, found from the versions superseded last: a change of status
-- supersedes one. The view itself would compare every version ever kept with the one before it.
select p.account as "account!",
       p.id as "id!",
       v.cycle as "cycle!: Cycle",
       left(v.partner_company_name, 200) as "partner_company_name!",
       left(p.status, 200) as "from_status!",
       left(v.status, 200) as "to_status!",
       left(v.under_review_status, 200) as under_review_status,
       v.valid_from as "changed_at!",
       coalesce(f.is_final, false) as "reopened!"
from (
    select account, id, version, status, valid_to
    from lmp_billing.superseded_versions
    order by valid_to desc
    limit 2000
) p
cross join lateral (
    select cycle, partner_company_name, status, under_review_status, valid_from
    from lmp_billing.reports
    where id = p.id and account = p.account and version = p.version + 1
    union all
    select cycle, partner_company_name, status, under_review_status, valid_from
    from lmp_billing.superseded_versions
    where id = p.id and account = p.account and version = p.version + 1
) v
left join lmp_billing.report_statuses f on f.status = p.status
where v.status <> p.status and p.account = any($1)
order by p.valid_to desc, v.partner_company_name, p.id
limit 20
