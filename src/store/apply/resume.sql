-- A report that was deleted by hand is back: the version that the deletion ended is told what came next.
-- $1 account
--
-- Such versions are few and have an index of their own; usually there is none, and this costs a glance at it.
update lmp_billing.superseded_versions p
set next_valid_from = v.valid_from,
    next_cycle = v.cycle,
    next_partner_company_name = nullif(v.partner_company_name, p.partner_company_name),
    next_status = v.status,
    next_under_review_status = v.under_review_status,
    next_status_not_before = v.status_not_before,
    next_poll_id = v.poll_id
from lmp_billing.superseded_versions deleted
cross join lateral (
    select valid_from, cycle, partner_company_name, status, under_review_status, status_not_before, poll_id
    from lmp_billing.reports r
    where r.id = deleted.id and r.account = deleted.account and r.version = deleted.version + 1
    union all
    -- put back by hand, and changed since
    select valid_from, cycle, partner_company_name, status, under_review_status, status_not_before, poll_id
    from lmp_billing.superseded_versions s
    where s.id = deleted.id and s.account = deleted.account and s.version = deleted.version + 1
) v
where deleted.next_valid_from is null and deleted.account = $1
  and p.id = deleted.id and p.account = deleted.account and p.version = deleted.version
  and p.next_valid_from is null
