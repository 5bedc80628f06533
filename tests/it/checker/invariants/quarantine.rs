//! Quarantined entries.

use super::Invariant;

pub(super) const ALL: &[Invariant] = &[
    ("quarantined_without_poll", "
        select q.account || ' ' || q.cycle || ': no poll ' || q.poll_id from lmp_billing.quarantined_reports q
        where not exists (select from lmp_billing.cycle_polls p where p.id = q.poll_id)"),
    ("quarantined_by_another_poll", "
        select q.account || ' ' || q.cycle || ': poll ' || p.id || ' of ' || p.account || ' for ' || p.cycle || ' is ' || p.outcome
        from lmp_billing.quarantined_reports q join lmp_billing.cycle_polls p on p.id = q.poll_id
        where p.account <> q.account or p.cycle <> q.cycle or p.outcome not in ('applied', 'unchanged', 'suspect', 'failed')
           or q.first_seen_at <> p.finished_at"),
    ("quarantined_counts", "
        select 'poll ' || p.id || ' quarantined ' || p.quarantined || ', found are ' || n.entries
        from lmp_billing.cycle_polls p
        join (select poll_id, count(*) as entries from lmp_billing.quarantined_reports group by poll_id) n on n.poll_id = p.id
        where n.entries > least(p.quarantined, 1000)"),
    ("quarantined_digest", "
        select account || ' ' || cycle || ' ' || reason from lmp_billing.quarantined_reports
        where octet_length(payload_sha256) <> 32
           or detail not like '%(payload cut after %' and sha256(convert_to(payload, 'UTF8')) <> payload_sha256"),
    ("quarantined_reason", "
        select account || ' ' || cycle || ' ' || reason from lmp_billing.quarantined_reports
        where detail = '' or position < 0 or reason not in (
            'not_an_object', 'duplicate_field', 'invalid_text', 'invalid_id', 'invalid_name', 'invalid_dates',
            'invalid_status', 'invalid_under_review_status', 'unstorable_extra', 'off_cycle', 'conflicting_duplicate')"),
    ("resolved_before_seen", "
        select q.account || ' ' || q.cycle || ': seen at ' || q.first_seen_at || ', resolved at ' || q.resolved_at
        from lmp_billing.quarantined_reports q, given g where q.resolved_at <= q.first_seen_at and not g.clock_back"),
    ("resolved_by_no_poll", "
        select q.account || ' ' || q.cycle || ': resolved at ' || q.resolved_at from lmp_billing.quarantined_reports q, given g
        where not (g.pruned and q.resolved_at < g.cutoff_at)
          and q.resolved_at is not null and not exists (
            select from lmp_billing.cycle_polls p where p.account = q.account and p.cycle = q.cycle
              and p.finished_at = q.resolved_at and p.outcome in ('applied', 'unchanged'))"),
    ("open_though_not_held", "
        select q.account || ' ' || q.cycle || ' ' || q.reason || ' is open, but poll ' || p.id || ' had no bad entry'
        from lmp_billing.quarantined_reports q
        cross join lateral (
            select p.id, p.quarantined, p.http_status from lmp_billing.cycle_polls p where p.account = q.account and p.cycle = q.cycle
              and p.outcome in ('applied', 'unchanged') order by p.id desc limit 1) p
        where q.resolved_at is null and p.quarantined = 0 and p.http_status = 200
          and not exists (select from lmp_billing.cycle_polls l where l.account = q.account and l.cycle = q.cycle
                          and l.id > p.id and l.quarantined > 0)"),
];
