-- Deletes reports. Where a poll has just changed one, it is looked at again as it is then.
-- $1 account, $2 ids, $3 cutoff
delete from lmp_billing.reports
where account = $1
  and id = any($2)
  and end_date < $3
returning id
