//! Runs and ticks.

use super::Corruption;

pub(in crate::checker) const ALL: &[Corruption] = &[
    (
        "a run's sum is one more",
        "update lmp_billing.sync_runs set inserted = inserted + 1 where id = (select min(id) from \
         lmp_billing.sync_runs)",
        "run_sums",
    ),
    (
        "a poll of a run is deleted",
        "delete from lmp_billing.cycle_polls p using restful b where p.id = b.id",
        "run_sums",
    ),
    (
        "a running run with sums",
        "update lmp_billing.sync_runs set polls = 1 where outcome = 'running'",
        "running_run_has_no_sums",
    ),
    (
        "a run succeeded though a poll failed",
        "update lmp_billing.sync_runs set outcome = 'succeeded', error = null where outcome in ('failed', \
         'partial')",
        "run_outcome",
    ),
    (
        "a run failed though none of its polls did",
        "update lmp_billing.sync_runs set outcome = 'failed' where id = (select min(id) from \
         lmp_billing.sync_runs)",
        "run_outcome",
    ),
    (
        "an ended run without end",
        "alter table lmp_billing.sync_runs drop constraint sync_runs_end_is_whole; update \
         lmp_billing.sync_runs set finished_at = null where id = (select min(id) from \
         lmp_billing.sync_runs)",
        "run_end_is_whole",
    ),
    (
        "a run ended before it began",
        "update lmp_billing.sync_runs set finished_at = started_at - interval '1 second' where id = (select \
         min(id) from lmp_billing.sync_runs)",
        "run_end_is_whole",
    ),
    (
        "a sync has deleted reports",
        "update lmp_billing.sync_runs set deleted = 1 where id = (select min(id) from \
         lmp_billing.sync_runs)",
        "run_fits_its_job",
    ),
    (
        "a poll after its run ended",
        "update lmp_billing.sync_runs set finished_at = started_at where id = (select min(id) from \
         lmp_billing.sync_runs where polls > 0)",
        "poll_outside_its_run",
    ),
    (
        "a tick of a run that never was",
        "update lmp_billing.schedule_ticks set run_id = 1000000000 where account = 'apac'",
        "tick_without_run",
    ),
    (
        "a tick of a run by hand",
        "update lmp_billing.schedule_ticks set run_id = (select min(id) from lmp_billing.sync_runs) where \
         due_at > '-infinity' and account = 'emea'",
        "tick_of_another_run",
    ),
    (
        "a fourth attempt",
        "update lmp_billing.schedule_ticks set attempt = 4 where account = 'apac'",
        "tick_attempts",
    ),
    (
        "two ticks of one run",
        "insert into lmp_billing.schedule_ticks select account, job, due_at - interval '1 hour', 1, \
         claimed_by, claimed_at, run_id from lmp_billing.schedule_ticks where account = 'apac'",
        "run_of_one_tick",
    ),
    (
        "claimed before it was due",
        "update lmp_billing.schedule_ticks set due_at = due_at + interval '1 hour' where account = 'apac'",
        "tick_claimed_before_due",
    ),
    (
        "a first sync that is a refresh",
        "update lmp_billing.schedule_ticks set due_at = '-infinity' where account = 'apac'",
        "first_sync_is_a_reconcile",
    ),
];
