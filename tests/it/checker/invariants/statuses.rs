//! Statuses: since when, what before, and how they are spelled.

use super::Invariant;

pub(super) const ALL: &[Invariant] = &[
    ("status_is_listed", "
        select who || ': ' || status from v
        where not touched and not exists (select from lmp_billing.report_statuses s where s.status = v.status)"),
    ("documented_statuses", "
        select coalesce(s.status, d.status) || ' is not as documented'
        from (values ('MSP Preparing', 0::int2, false, 'MSP'), ('Under Review', 1::int2, false, 'Distributor'),
                     ('Rejected', 3::int2, false, 'MSP'), ('Approved', 2::int2, false, 'Trend Micro'),
                     ('Completed', 4::int2, true, 'nobody')) d (status, code, final, waits_for)
        full join (select * from lmp_billing.report_statuses where lmp_code is not null) s on s.status = d.status
        where (s.lmp_code, s.is_final, s.waits_for) is distinct from (d.code, d.final, d.waits_for)"),
    ("added_statuses", "
        select status || ' was added by the vendor and cannot be final, or is too long' from lmp_billing.report_statuses
        where lmp_code is null and (is_final or length(status) > 64 or status = '')"),
    ("statuses_spelled_once", "
        select string_agg(status, ', ') from lmp_billing.report_statuses group by lower(status) having count(*) > 1"),
    ("status_since", "
        select who || ': status since ' || status_since || ', its spell began at ' || spell_from from v
        where not touched and status_since <> spell_from"),
    ("status_not_before_is_earlier", "
        select who || ': not before ' || status_not_before || ', since ' || status_since from v
        where not touched and status_not_before > status_since"),
    ("status_not_before_is_of_the_spell", "
        select who || ': not before ' || coalesce(status_not_before::text, 'unknown') || ', the spell began with '
               || coalesce(spell_not_before::text, 'unknown') from v
        where not touched and status_not_before is distinct from spell_not_before"),
    ("status_not_before_is_a_polls_time", "
        select v.who || ': not before ' || v.status_not_before || ', when no believed poll was sent' from v, given g
        where not v.touched and v.status_not_before < v.status_since
          and not (g.pruned and v.status_not_before < g.cutoff_at)
          and not exists (select from lmp_billing.cycle_polls p
                          where p.account = v.account and p.requested_at = v.status_not_before and p.id < v.poll_id
                            and p.outcome in ('applied', 'unchanged'))"),
    ("status_not_before_is_after_the_last", "
        select v.who || ': not before ' || coalesce(v.status_not_before::text, 'unknown')
               || ', but version ' || b.version || ' was seen by poll ' || b.poll_id || ' sent at ' || p.requested_at
        from v join v b on b.account = v.account and b.id = v.id and b.version = v.before
        join lmp_billing.cycle_polls p on p.id = b.poll_id, given g
        where v.status <> b.status and not v.touched and not g.clock_back
          and (v.status_not_before is null or v.status_not_before < p.requested_at)"),
    ("previous_status", "
        select r.account || ' ' || r.id || ': before ' || coalesce(r.previous_status || ' since ' || r.previous_status_since, 'nothing')
               || ', right is ' || coalesce(o.status || ' since ' || o.status_since, 'nothing')
        from lmp_billing.reports r
        join v n on n.newest and n.id = r.id and n.account = r.account and not n.touched
        left join lateral (
            select s.status, s.status_since from lmp_billing.superseded_versions s
            where s.id = r.id and s.account = r.account and s.status <> r.status
            order by s.version desc limit 1) o on true
        where (r.previous_status, r.previous_status_since) is distinct from (o.status, o.status_since)"),
    ("first_seen", "
        select r.account || ' ' || r.id || ': first seen at ' || r.first_seen_at || ', version 1 began at ' || f.valid_from
        from lmp_billing.reports r
        join v f on f.id = r.id and f.account = r.account and f.version = 1 and not f.touched
        where r.first_seen_at <> f.valid_from"),
];
