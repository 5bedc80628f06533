-- The newest rows of status_changes, by the index of their time; but for reports that were deleted by hand and
-- are back. $1 accounts
select p.account as "account!",
       p.id as "id!",
       p.next_cycle as "cycle!: Cycle",
       left(coalesce(p.next_partner_company_name, p.partner_company_name), 200) as "partner_company_name!",
       left(p.status, 200) as "from_status!",
       left(p.next_status, 200) as "to_status!",
       left(p.next_under_review_status, 200) as under_review_status,
       p.next_valid_from as "changed_at!",
       coalesce(f.is_final, false) as "reopened!"
from (
    select *
    from lmp_billing.superseded_versions
    where account = any($1) and next_status <> status
    order by next_valid_from desc, partner_company_name, id
    limit 20
) p
left join lmp_billing.report_statuses f on f.status = p.status
order by p.next_valid_from desc, p.partner_company_name, p.id
