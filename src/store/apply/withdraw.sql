-- Marks reports that the answer no longer lists.
-- $1 account, $2 cycle, $3 poll, $4 the transaction's moment
with target as (
    select r.id, r.account
    from pg_temp.lmp_diff d
    join lmp_billing.reports r on r.id = d.id and r.account = $1
    -- under the lock: a poll of another cycle may have moved or written it
    where d.kind = 'w' and r.cycle = $2 and r.withdrawn_at is null and r.poll_id < $3
    order by r.id, r.account
    for no key update of r
)
update lmp_billing.reports r
set withdrawn_at = greatest($4, r.valid_from + interval '1 microsecond'),
    withdrawn_poll_id = $3
from target t
where r.id = t.id and r.account = t.account
