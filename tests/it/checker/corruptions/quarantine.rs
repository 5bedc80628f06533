//! Quarantined entries.

use super::Corruption;

pub(in crate::checker) const ALL: &[Corruption] = &[
    (
        "a bad entry of a poll that never was",
        "update lmp_billing.quarantined_reports q set poll_id = 0 from quarantined c where q.payload_sha256 \
         = c.payload_sha256 and q.account = c.account",
        "quarantined_without_poll",
    ),
    (
        "a bad entry of another cycle's poll",
        "update lmp_billing.quarantined_reports q set cycle = q.cycle - interval '1 month' from quarantined \
         c where q.payload_sha256 = c.payload_sha256 and q.account = c.account",
        "quarantined_by_another_poll",
    ),
    (
        "more bad entries than counted",
        "update lmp_billing.cycle_polls set quarantined = 1 where id = (select poll_id from \
         lmp_billing.quarantined_reports group by poll_id having count(*) > 1 limit 1)",
        "quarantined_counts",
    ),
    (
        "a bad entry that was tampered with",
        "update lmp_billing.quarantined_reports q set payload = payload || ' ' from quarantined c where \
         q.payload_sha256 = c.payload_sha256 and q.account = c.account",
        "quarantined_digest",
    ),
    (
        "a reason nobody knows",
        "update lmp_billing.quarantined_reports q set reason = 'odd' from quarantined c where \
         q.payload_sha256 = c.payload_sha256 and q.account = c.account",
        "quarantined_reason",
    ),
    (
        "resolved before it was seen",
        "update lmp_billing.quarantined_reports q set resolved_at = first_seen_at - interval '1 second' \
         from quarantined c where q.payload_sha256 = c.payload_sha256 and q.account = c.account",
        "resolved_before_seen",
    ),
    (
        "resolved by no poll",
        "update lmp_billing.quarantined_reports q set resolved_at = first_seen_at + interval '1 microsecond' \
         from quarantined c where q.payload_sha256 = c.payload_sha256 and q.account = c.account",
        "resolved_by_no_poll",
    ),
    (
        "open though it is gone",
        "update lmp_billing.quarantined_reports set resolved_at = null",
        "open_though_not_held",
    ),
];
