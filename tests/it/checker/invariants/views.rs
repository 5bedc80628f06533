//! Views, each against the tables it stands for.

use super::Invariant;

pub(super) const ALL: &[Invariant] = &[
    ("report_history", "
        select coalesce(h.account || ' ' || h.id || ' version ' || h.version, v.who) || ' is not the same in report_history'
        from v full join lmp_billing.report_history h
          on h.account = v.account and h.id = v.id and h.version = v.version
        where (h.valid_from, h.valid_to, h.cycle, h.partner_company_name, h.start_date, h.end_date, h.status,
               h.under_review_status, h.extra, h.poll_id) is distinct from
              (v.valid_from, v.valid_to, v.cycle, v.partner_company_name, v.start_date, v.end_date, v.status,
               v.under_review_status, v.extra, v.poll_id)"),
    ("current_reports", "
        select coalesce(c.account || ' ' || c.id, r.account || ' ' || r.id) || ' is not the same in current_reports'
        from (select r.*, s.position, coalesce(s.is_final, false) as is_final, s.waits_for
              from lmp_billing.reports r left join lmp_billing.report_statuses s on s.status = r.status
              where r.withdrawn_at is null) r
        full join lmp_billing.current_reports c on c.account = r.account and c.id = r.id
        where (c.cycle, c.partner_company_name, c.start_date, c.end_date, c.status, c.status_position, c.is_final, c.waits_for,
               c.under_review_status, c.status_since, c.status_not_before, c.previous_status, c.first_seen_at,
               c.version, c.valid_from, c.extra) is distinct from
              (r.cycle, r.partner_company_name, r.start_date, r.end_date, r.status, r.position, r.is_final, r.waits_for,
               r.under_review_status, r.status_since, r.status_not_before, r.previous_status, r.first_seen_at,
               r.version, r.valid_from, r.extra)
           or abs(c.days_in_status - extract(epoch from now() - r.status_since) / 86400) > 0.0001"),
    ("open_reports", "
        select coalesce(o.account || ' ' || o.id, r.account || ' ' || r.id) || ' is open in one place only'
        from (select * from lmp_billing.reports where withdrawn_at is null and status <> 'Completed') r
        full join lmp_billing.open_reports o on o.account = r.account and o.id = r.id
        where o.id is null or r.id is null"),
    ("status_changes", "
        select coalesce(c.account || ' ' || c.id || ' version ' || c.version, n.who) || ' is not the same in status_changes'
        from (select v.* from v where v.status <> v.status_before and v.before = v.version - 1) n
        full join lmp_billing.status_changes c on c.account = n.account and c.id = n.id and c.version = n.version
        -- what somebody has written by hand into the newest version is no change of the vendor's
        cross join given g
        where coalesce(c.account || ' ' || c.id, n.account || ' ' || n.id) <> all (g.touched)
          and ((c.cycle, c.partner_company_name, c.from_status, c.to_status, c.under_review_status, c.changed_after, c.changed_at,
               c.reopened, c.poll_id) is distinct from
              (n.cycle, n.partner_company_name, n.status_before, n.status, n.under_review_status, n.status_not_before, n.valid_from,
               n.status_before = 'Completed', n.poll_id)
           or abs(c.days_in_from_status - extract(epoch from n.to_before - n.since_before) / 86400) > 0.0001)"),
    ("cycle_progress", "
        select coalesce(p.account || ' ' || p.cycle, r.account || ' ' || r.cycle) || ' is not the same in cycle_progress'
        from (select account, cycle, count(*) filter (where listed) as reports,
                     count(*) filter (where listed and status = 'MSP Preparing') as msp_preparing,
                     count(*) filter (where listed and status = 'Under Review') as under_review,
                     count(*) filter (where listed and status = 'Rejected') as rejected,
                     count(*) filter (where listed and status = 'Approved') as approved,
                     count(*) filter (where listed and status = 'Completed') as completed,
                     min(since) filter (where listed and status <> 'Completed') as oldest_open_since,
                     max(confirmed_at) as confirmed_at
              from (select account, cycle, true as listed, status, status_since as since, null::timestamptz as confirmed_at
                    from lmp_billing.reports where withdrawn_at is null
                    union all
                    (select distinct on (account, cycle) account, cycle, false, null, null, finished_at
                     from lmp_billing.cycle_polls where outcome in ('applied', 'unchanged')
                     order by account, cycle, id desc)) x
              group by account, cycle) r
        full join lmp_billing.cycle_progress p on p.account = r.account and p.cycle = r.cycle
        where (p.reports, p.msp_preparing, p.under_review, p.rejected, p.approved, p.completed, p.oldest_open_since, p.confirmed_at)
              is distinct from
              (r.reports, r.msp_preparing, r.under_review, r.rejected, r.approved, r.completed, r.oldest_open_since, r.confirmed_at)
           or p.other_status <> p.reports - p.msp_preparing - p.under_review - p.rejected - p.approved - p.completed
           or p.share_completed is distinct from case when r.reports > 0 then r.completed::float8 / r.reports end"),
    ("reports_as_of", "
        select coalesce(d.account || ' ' || d.id || ' version ' || d.version, d.who) || ' at ' || m.moment
        from (select distinct at as moment from (
                  select valid_from as at from v union all select valid_to from v where valid_to is not null
                  union all select now()) ends
              order by at desc limit 12) m
        cross join lateral (
            select a.account, a.id, a.version, x.who from lmp_billing.reports_as_of(m.moment) a
            full join (select * from v where v.valid_from <= m.moment and (v.valid_to is null or v.valid_to > m.moment)) x
              on x.account = a.account and x.id = a.id and x.version = a.version
            where a.id is null or x.id is null) d"),
    ("time_in_status", "
        select coalesce(t.account || ' ' || t.cycle || ' ' || t.status, c.account || ' ' || c.cycle || ' ' || c.from_status)
               || ' is not the same in time_in_status'
        from (select account, cycle, from_status, count(*) as spells, max(days_in_from_status) as longest
              from lmp_billing.status_changes group by account, cycle, from_status) c
        full join lmp_billing.time_in_status t
          on t.account = c.account and t.cycle = c.cycle and t.status = c.from_status
        where t.spells is distinct from c.spells or t.longest_days is distinct from c.longest"),
];
