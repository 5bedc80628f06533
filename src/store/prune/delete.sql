-- Deletes reports. Where a poll has just changed one, it is looked at again as it is then. One lookup by
-- key for each: for a long list in "= any" the planner may rather look through the whole account.
-- $1 account, $2 ids, $3 cutoff
delete from lmp_billing.reports r
using unnest($2::uuid[]) gone (id)
where r.account = $1
  and r.id = gone.id
  and r.end_date < $3
returning r.id
