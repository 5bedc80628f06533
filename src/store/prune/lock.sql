-- Locks reports in the order of their key, as polls do, and looks again under the lock: a poll may have
-- given one a later end. What somebody else has locked is left for later, so that nobody is waited for
-- while locks are held.
-- $1 account, $2 ids, $3 cutoff
select id
from lmp_billing.reports
where account = $1
  and id = any($2)
  and end_date < $3
order by id, account
for update skip locked
