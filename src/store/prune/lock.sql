-- Locks those of some reports that nobody else has locked.
-- $1 account, $2 their places
select ctid::text as "place!"
from lmp_billing.reports
where account = $1
  and ctid = any($2::text[]::tid[])
for update skip locked
