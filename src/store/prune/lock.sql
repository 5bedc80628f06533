-- Locks those of some reports that nobody else has locked, in the order of their key, as polls do.
-- $1 account, $2 ids
select id
from lmp_billing.reports
where account = $1
  and id = any($2)
order by id, account
for update skip locked
