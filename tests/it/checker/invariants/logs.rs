//! Runs and ticks.

use super::Invariant;

pub(super) const ALL: &[Invariant] = &[
    ("run_sums", "
        select 'run ' || r.id || ' says ' || (r.polls, r.polls_failed, r.reports_seen, r.inserted, r.updated, r.withdrawn, r.quarantined)::text
               || ', its polls ' || s.sums::text
        from lmp_billing.sync_runs r
        cross join lateral (
            select (count(*)::int4, (count(*) filter (where outcome in ('failed', 'suspect')))::int4,
                    coalesce(sum(reports_seen), 0)::int8, coalesce(sum(inserted), 0)::int8,
                    coalesce(sum(updated), 0)::int8, coalesce(sum(withdrawn), 0)::int8,
                    coalesce(sum(quarantined), 0)::int8) as sums
            from lmp_billing.cycle_polls p where p.run_id = r.id) s, given g
        where r.outcome <> 'running' and not (g.pruned and r.started_at < g.cutoff_at)
          and (r.polls, r.polls_failed, r.reports_seen, r.inserted, r.updated, r.withdrawn, r.quarantined)
              is distinct from s.sums"),
    ("running_run_has_no_sums", "
        select 'run ' || id from lmp_billing.sync_runs
        where outcome = 'running' and polls + polls_failed + reports_seen + inserted + updated + withdrawn + quarantined > 0"),
    ("run_outcome", "
        select 'run ' || r.id || ' is ' || r.outcome || ' with ' || r.polls_failed || ' of ' || r.polls || ' polls failed, error: '
               || coalesce(r.error, 'none')
        from lmp_billing.sync_runs r
        where r.job <> 'prune' and case r.outcome
            when 'succeeded' then r.polls_failed > 0 or r.error is not null
                 or exists (select from lmp_billing.cycle_polls p where p.run_id = r.id and p.outcome = 'interrupted')
            when 'partial' then r.polls_failed not between 1 and r.polls - 1 or r.error is null
            -- the database failed in mid-run, or all polls did
            when 'failed' then r.error is null or r.polls_failed < r.polls and r.error like '% of % polls; first %'
            else false end"),
    ("run_end_is_whole", "
        select 'run ' || r.id || ' ' || r.outcome || ' from ' || r.started_at || ' to ' || coalesce(r.finished_at::text, 'no time')
        from lmp_billing.sync_runs r
        where (r.finished_at is null) <> (r.outcome = 'running') or r.finished_at < r.started_at"),
    ("run_fits_its_job", "
        select 'run ' || id || ' ' || job || ' of ' || account || ' deleted ' || deleted || ' after ' || polls || ' polls'
        from lmp_billing.sync_runs
        where (job = 'prune') <> (account = '*') or job <> 'prune' and deleted > 0 or job = 'prune' and polls > 0
           or deleted < 0 or (job = 'manual') and trigger <> 'cli' or instance = ''"),
    ("poll_outside_its_run", "
        select 'poll ' || p.id || ' at ' || p.finished_at || ', its run from ' || r.started_at || ' to ' || coalesce(r.finished_at::text, 'now')
        from lmp_billing.cycle_polls p join lmp_billing.sync_runs r on r.id = p.run_id, given g
        where not g.clock_back and (p.finished_at < r.started_at or p.finished_at > r.finished_at)"),
    ("tick_without_run", "
        select t.account || ' ' || t.job || ' ' || t.due_at || ': no run ' || t.run_id from lmp_billing.schedule_ticks t
        where t.run_id is not null and not exists (select from lmp_billing.sync_runs r where r.id = t.run_id)"),
    ("tick_of_another_run", "
        select t.account || ' ' || t.job || ' ' || t.due_at || ': run ' || r.id || ' is ' || r.job || ' of ' || r.account || ' by ' || r.trigger
        from lmp_billing.schedule_ticks t join lmp_billing.sync_runs r on r.id = t.run_id
        where t.job <> r.job or t.account <> r.account or r.trigger = 'cli'
           or (r.trigger = 'startup') <> (t.due_at = '-infinity')"),
    ("tick_attempts", "
        select account || ' ' || job || ' ' || due_at || ': attempt ' || attempt from lmp_billing.schedule_ticks
        where attempt not between 1 and 3"),
    ("run_of_one_tick", "
        select 'run ' || run_id || ' is of ' || count(*) || ' ticks' from lmp_billing.schedule_ticks
        where run_id is not null group by run_id having count(*) > 1"),
    ("tick_claimed_before_due", "
        select t.account || ' ' || t.job || ' ' || t.due_at || ': claimed at ' || t.claimed_at from lmp_billing.schedule_ticks t, given g
        where t.claimed_at < t.due_at and not g.clock_back"),
    ("first_sync_is_a_reconcile", "
        select account || ' ' || job from lmp_billing.schedule_ticks where due_at = '-infinity' and (job <> 'reconcile' or account = '*')"),
];
