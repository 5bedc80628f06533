//! Versions: numbered, in order, not overlapping, and written by polls that were applied.

use super::Invariant;

pub(super) const ALL: &[Invariant] = &[
    ("version_numbers", "
        select account || ' ' || id || ': ' || count(*) || ' versions, numbered ' || min(version) || ' to ' || max(version)
        from v where not touched group by account, id
        having min(version) <> 1 or max(version) <> count(*) or count(distinct version) <> count(*)"),
    ("newest_is_last", "
        select n.who || ' is the newest, but there is version ' || s.version from v n
        join v s on s.account = n.account and s.id = n.id and not s.newest and s.version >= n.version where n.newest"),
    ("valid_from_increases", "
        select who || ' begins at ' || valid_from || ', the one before at ' || from_before from v
        where valid_from <= from_before"),
    ("versions_overlap", "
        select who || ' ends at ' || valid_to || ', the next begins at ' || from_after from v
        where not newest and valid_to > from_after"),
    ("interval_runs_forward", "
        select who || ' is valid from ' || valid_from || ' to ' || valid_to from v where valid_to <= valid_from"),
    ("old_version_has_no_end", "select who || ' has no end' from v where not newest and valid_to is null"),
    ("gap_without_withdrawal", "
        select v.who || ' ends at ' || v.valid_to || ' and the next begins at ' || v.from_after
               || ', but no poll withdrew it' from v, given g
        where v.valid_to < v.from_after and not v.newest and not v.touched
          and not (g.pruned and v.valid_to < g.cutoff_at)
          and not exists (select from lmp_billing.cycle_polls p
                          where p.account = v.account and p.withdrawn > 0 and p.id > v.poll_id
                            and v.valid_to = greatest(p.finished_at, v.valid_from + interval '1 microsecond'))"),
    ("equal_neighbours", "
        select who || ' says the same as the one before: ' || facts from v
        where facts = facts_before and to_before >= valid_from and not touched"),
    ("superseded_without_report", "
        select s.who || ' has no report' from v s where not s.newest and not s.touched
          and not exists (select from lmp_billing.reports r where r.id = s.id and r.account = s.account)"),
    ("withdrawal_is_whole", "
        select account || ' ' || id || ': withdrawn at ' || coalesce(withdrawn_at::text, 'no time') || ' by '
               || coalesce(withdrawn_poll_id::text, 'no poll')
        from lmp_billing.reports where (withdrawn_at is null) <> (withdrawn_poll_id is null)"),
    ("withdrawn_before_valid", "
        select account || ' ' || id || ': valid from ' || valid_from || ', withdrawn at ' || withdrawn_at
        from lmp_billing.reports where withdrawn_at <= valid_from"),
    ("from_the_future", "
        select v.who || ' begins at ' || v.valid_from || ' and ends at ' || coalesce(v.valid_to::text, 'no time')
        from v, given g where not g.clock_back and greatest(v.valid_from, v.valid_to) > clock_timestamp()"),
    ("cycle_is_first_of_month", "select who || ': cycle ' || cycle from v where extract(day from cycle) <> 1"),
    ("period_outside_cycle", "
        select who || ': ' || start_date || ' to ' || end_date || ' in cycle ' || cycle from v
        where not touched and not (start_date < cycle + interval '1 month' and end_date >= cycle)"),
    ("period_runs_backwards", "
        select who || ': ' || start_date || ' to ' || end_date from v where start_date > end_date"),
    ("impossible_facts", "
        select who || ': ' || facts from v
        where not touched and (partner_company_name = '' or status = '' or under_review_status = ''
              or extra = '{}'::jsonb or jsonb_typeof(extra) <> 'object' or id = '00000000-0000-0000-0000-000000000000')"),
    ("version_without_poll", "
        select who || ': no poll ' || poll_id from v
        where not exists (select from lmp_billing.cycle_polls p where p.id = v.poll_id)"),
    ("version_of_a_poll_not_applied", "
        select who || ': poll ' || p.id || ' was ' || p.outcome from v
        join lmp_billing.cycle_polls p on p.id = v.poll_id where p.outcome <> 'applied'"),
    ("version_of_another_accounts_poll", "
        select who || ': poll ' || p.id || ' asked for ' || p.account from v
        join lmp_billing.cycle_polls p on p.id = v.poll_id where p.account <> v.account"),
    ("version_before_its_poll", "
        select v.who || ' begins at ' || v.valid_from || ', its poll was applied at ' || p.finished_at from v
        join lmp_billing.cycle_polls p on p.id = v.poll_id where v.valid_from < p.finished_at and not v.touched"),
    ("versions_of_polls_in_order", "
        select v.who || ': poll ' || v.poll_id || ' after poll ' || b.poll_id from v
        join v b on b.account = v.account and b.id = v.id and b.version = v.before
        where v.poll_id <= b.poll_id and not v.touched"),
    ("next_version_is_told_wrongly", "
        select n.who || ' is not what the version before it says of it: ' || s.next_cycle || ' ' || s.next_status
               || ' from ' || s.next_valid_from || ' by poll ' || s.next_poll_id
        from lmp_billing.superseded_versions s
        join v n on n.account = s.account and n.id = s.id and n.version = s.version + 1
        where s.next_valid_from is not null and not n.touched
          and (s.next_valid_from, s.next_cycle, coalesce(s.next_partner_company_name, s.partner_company_name),
               s.next_status, s.next_under_review_status, s.next_status_not_before, s.next_poll_id)
              is distinct from
              (n.valid_from, n.cycle, n.partner_company_name, n.status, n.under_review_status, n.status_not_before,
               n.poll_id)"),
    ("next_version_is_not_told", "
        select v.who || ' ended, and does not say by what' from v
        join lmp_billing.superseded_versions s on s.account = v.account and s.id = v.id and s.version = v.version
        where not v.newest and not v.touched and s.next_valid_from is null"),
    ("withdrawn_without_poll", "
        select r.account || ' ' || r.id || ': no poll ' || r.withdrawn_poll_id from lmp_billing.reports r
        where r.withdrawn_poll_id is not null
          and not exists (select from lmp_billing.cycle_polls p where p.id = r.withdrawn_poll_id)"),
    ("withdrawn_by_a_poll_not_applied", "
        select r.account || ' ' || r.id || ': poll ' || p.id || ' of ' || p.account || ' was ' || p.outcome || ' and withdrew '
               || p.withdrawn
        from lmp_billing.reports r join lmp_billing.cycle_polls p on p.id = r.withdrawn_poll_id
        where p.outcome <> 'applied' or p.account <> r.account or p.withdrawn = 0 or p.cycle <> r.cycle"),
    ("withdrawn_by_an_older_poll", "
        select account || ' ' || id || ': written by ' || poll_id || ', withdrawn by ' || withdrawn_poll_id
        from lmp_billing.reports where withdrawn_poll_id <= poll_id"),
    ("withdrawn_at_another_time", "
        select r.account || ' ' || r.id || ': withdrawn at ' || r.withdrawn_at || ', poll applied at ' || p.finished_at
        from lmp_billing.reports r join lmp_billing.cycle_polls p on p.id = r.withdrawn_poll_id
        where r.withdrawn_at <> greatest(p.finished_at, r.valid_from + interval '1 microsecond')"),
];
