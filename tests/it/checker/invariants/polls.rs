//! Polls: of a run, in their order, and with counts that add up.

use super::Invariant;

pub(super) const ALL: &[Invariant] = &[
    ("poll_without_run", "
        select 'poll ' || p.id || ': no run ' || p.run_id from lmp_billing.cycle_polls p
        where not exists (select from lmp_billing.sync_runs r where r.id = p.run_id)"),
    ("poll_of_another_accounts_run", "
        select 'poll ' || p.id || ' of ' || p.account || ': run ' || r.id || ' is ' || r.job || ' of ' || r.account
        from lmp_billing.cycle_polls p join lmp_billing.sync_runs r on r.id = p.run_id
        where r.account <> p.account or r.job = 'prune'"),
    ("poll_brought_more_than_it_says", "
        select 'poll ' || p.id || ' inserted ' || p.inserted || ' and updated ' || p.updated || ', its versions are '
               || n.versions || ', ' || n.first || ' of them the first'
        from lmp_billing.cycle_polls p
        join (select v.poll_id, count(*) as versions, count(*) filter (where v.version = 1) as first
              from v group by v.poll_id) n on n.poll_id = p.id
        where n.versions > p.inserted + p.updated or n.first > p.inserted"),
    ("poll_brought_less_than_it_says", "
        select 'poll ' || p.id || ' inserted ' || p.inserted || ' and updated ' || p.updated || ', its versions are '
               || coalesce(n.versions, 0) || ', ' || coalesce(n.first, 0) || ' of them the first'
        from lmp_billing.cycle_polls p
        left join (select v.poll_id, count(*) as versions, count(*) filter (where v.version = 1) as first
                   from v group by v.poll_id) n on n.poll_id = p.id, given g
        where not g.pruned and (coalesce(n.versions, 0) < p.inserted + p.updated
              or cardinality(g.touched) = 0 and coalesce(n.first, 0) < p.inserted)"),
    ("poll_withdrew_otherwise_than_it_says", "
        select 'poll ' || p.id || ' withdrew ' || p.withdrawn || ', found are ' || n.found
        from lmp_billing.cycle_polls p
        cross join given g
        cross join lateral (
            -- with the clock set back to before a version began, whichever poll ended it, it ended a moment later
            select (select count(*) from lmp_billing.reports r where r.withdrawn_poll_id = p.id)
                 + (select count(*) from v where v.account = p.account and not v.newest and v.valid_to < v.from_after
                       and p.withdrawn > 0 and v.poll_id < p.id and v.cycle = p.cycle
                       and v.valid_to = greatest(p.finished_at, v.valid_from + interval '1 microsecond')
                       and not (g.clock_back and p.finished_at <= v.valid_from)) as found) n
        where case when g.pruned or cardinality(g.touched) > 0 or g.clock_back then n.found > p.withdrawn
                   else n.found <> p.withdrawn end"),
    ("outcome_fits_counts", "
        select 'poll ' || id || ' is ' || outcome || ' and changed ' || (inserted + updated + withdrawn)
        from lmp_billing.cycle_polls
        where (outcome = 'applied') <> (inserted + updated + withdrawn > 0)"),
    ("counts_below_zero", "
        select 'poll ' || id from lmp_billing.cycle_polls
        where least(reports_seen, inserted, updated, withdrawn, quarantined, unreadable, overtaken, attempts) < 0
           or unreadable > 0 and quarantined = 0"),
    ("more_written_than_seen", "
        select 'poll ' || id || ' saw ' || reports_seen || ' and wrote ' || (inserted + updated)
        from lmp_billing.cycle_polls where inserted + updated > reports_seen"),
    ("withdrawn_despite_unreadable", "
        select 'poll ' || id || ' withdrew ' || withdrawn || ' with ' || unreadable || ' entries unreadable'
        from lmp_billing.cycle_polls where withdrawn > 0 and unreadable > 0"),
    ("polls_of_a_cycle_in_order", "
        select 'poll ' || n.id || ' was believed at ' || n.finished_at || ', poll ' || n.before || ' before at ' || n.at_before
        from (select id, finished_at, lag(id) over w as before, lag(finished_at) over w as at_before
              from lmp_billing.cycle_polls where outcome in ('applied', 'unchanged')
              window w as (partition by account, cycle order by id)) n, given g
        where n.finished_at < n.at_before and not g.clock_back"),
    ("stale_without_a_later_poll", "
        select 'poll ' || p.id || ' is stale, but none later was believed' from lmp_billing.cycle_polls p, given g
        where p.outcome = 'stale' and not g.pruned
          and not exists (select from lmp_billing.cycle_polls n where n.account = p.account and n.cycle = p.cycle
                          and n.id > p.id and n.outcome in ('applied', 'unchanged'))"),
    ("failure_says_why", "
        select 'poll ' || id || ' is ' || outcome || ', error: ' || coalesce(error, 'none') from lmp_billing.cycle_polls
        where (error is null) = (outcome in ('failed', 'suspect', 'interrupted'))"),
    ("finished_before_requested", "
        select 'poll ' || p.id from lmp_billing.cycle_polls p, given g
        where p.finished_at < p.requested_at and not g.clock_back"),
    ("applied_without_answer", "
        select 'poll ' || id from lmp_billing.cycle_polls
        where outcome in ('applied', 'suspect')
          and (http_status is distinct from 200 or requested_at is null or body_bytes is null
               or body_sha256 is null or octet_length(body_sha256) <> 32)"),
    ("suspect_lists_its_ids", "
        select 'poll ' || id || ' is ' || outcome from lmp_billing.cycle_polls
        where (outcome = 'suspect') <> (listed_sha256 is not null)"),
    ("poll_number_was_drawn", "
        select 'poll ' || p.id || ', drawn up to ' || q.last_value from lmp_billing.cycle_polls p, lmp_billing.poll_ids q
        where p.id > q.last_value or p.id < 1"),
    ("poll_of_no_attempt", "
        select 'poll ' || id || ' was answered without a request' from lmp_billing.cycle_polls
        where http_status is not null and attempts = 0"),
];
