-- Deletes quarantined entries: resolved ones as old as what is pruned, and open ones of cycles that are
-- past retention and so polled no more. (The next poll would bring an open entry of another one back.)
-- $1 the cutoff as a moment, $2 as a day, $3 how many at most
with doomed as (
    select account, cycle, payload_sha256
    from lmp_billing.quarantined_reports
    where case
              when resolved_at is null then first_seen_at < $1 and cycle + interval '1 month' <= $2::date
              else resolved_at < $1
          end
    order by account, cycle, payload_sha256
    limit $3
    for update skip locked
)
delete from lmp_billing.quarantined_reports q
using doomed d
where q.account = d.account and q.cycle = d.cycle and q.payload_sha256 = d.payload_sha256
