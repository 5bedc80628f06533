//! What only shows right after a prune.

use super::Corruption;

pub(in crate::checker) const ALL: &[Corruption] = &[
    (
        "a report past retention is kept",
        "update lmp_billing.reports r set cycle = '2019-01-01', start_date = '2019-01-01', end_date = \
         '2019-01-31' from single c where r.id = c.id and r.account = c.account",
        "report_kept_late",
    ),
    (
        "versions of a deleted report past retention are kept",
        "update lmp_billing.reports r set cycle = '2019-01-01', start_date = '2019-01-01', end_date = \
         '2019-01-31' from single c where r.id = c.id and r.account = c.account; delete from \
         lmp_billing.reports r using single c where r.id = c.id and r.account = c.account",
        "versions_kept_late",
    ),
    (
        "an old bad entry is kept",
        "update lmp_billing.quarantined_reports set resolved_at = '2019-01-01'",
        "quarantined_kept_late",
    ),
    (
        "an old tick is kept",
        "insert into lmp_billing.schedule_ticks select account, job, '2019-01-01', 1, 'x', '2019-01-01', \
         null from lmp_billing.schedule_ticks where account = 'apac'",
        "tick_kept_late",
    ),
    (
        "an old run is kept",
        "insert into lmp_billing.sync_runs (job, trigger, account, started_at, finished_at, outcome, \
         instance, lease_renewed_at) values ('refresh', 'schedule', 'emea', '2019-01-01', '2019-01-01', \
         'succeeded', 'x', '2019-01-01')",
        "run_kept_late",
    ),
    (
        "an old poll is kept",
        "insert into lmp_billing.cycle_polls (id, run_id, account, cycle, finished_at, outcome, attempts, \
         program_version, error) select nextval('lmp_billing.poll_ids'), min(id), 'emea', '2019-01-01', \
         '2019-01-01', 'failed', 1, 'x', 'x' from lmp_billing.sync_runs",
        "poll_kept_late",
    ),
    (
        "a poll is pruned early",
        "delete from lmp_billing.cycle_polls p using restful b where p.id = b.id",
        "poll_pruned_early",
    ),
];
