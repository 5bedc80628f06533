//! What the views are asked: shared by the bench, which takes the time, and by a test, which looks at the plans.

/// One query on a view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) about: &'static str,
    pub(crate) sql: &'static str,
    /// Whether it may read a whole table of reports or versions.
    pub(crate) may_read_all: bool,
}

const fn quick(about: &'static str, sql: &'static str) -> Question {
    Question { about, sql, may_read_all: false }
}

const fn slow(about: &'static str, sql: &'static str) -> Question {
    Question { about, sql, may_read_all: true }
}

/// A finished month, and one report of it. Literals, as a BI tool or a person writes them.
pub(crate) const QUESTIONS: &[Question] = &[
    quick("one cycle: `current_reports`", "select * from lmp_billing.current_reports where cycle = '$cycle'"),
    quick("one cycle: `open_reports`", "select * from lmp_billing.open_reports where cycle = '$cycle'"),
    quick("one cycle: `status_changes`", "select * from lmp_billing.status_changes where cycle = '$cycle'"),
    quick("one cycle: `cycle_progress`", "select * from lmp_billing.cycle_progress where cycle = '$cycle'"),
    quick("one cycle: `time_in_status`", "select * from lmp_billing.time_in_status where cycle = '$cycle'"),
    quick("one cycle: `report_history`", "select * from lmp_billing.report_history where cycle = '$cycle'"),
    quick(
        "one cycle: progress a month ago, from `reports_as_of`",
        "select status, count(*) from lmp_billing.reports_as_of(now() - interval '1 month')
         where cycle = '$cycle' group by status",
    ),
    quick("one cycle: `cycles`", "select * from lmp_billing.cycles where cycle = '$cycle'"),
    quick("one report: `current_reports`", "select * from lmp_billing.current_reports where id = '$id'"),
    quick("one report: `status_changes`", "select * from lmp_billing.status_changes where id = '$id'"),
    quick("one report: `report_history`", "select * from lmp_billing.report_history where id = '$id'"),
    quick(
        "one report: `reports_as_of`",
        "select * from lmp_billing.reports_as_of(now() - interval '1 month') where id = '$id'",
    ),
    quick(
        "three days: `status_changes`",
        "select * from lmp_billing.status_changes where changed_at >= now() - interval '3 days'",
    ),
    quick(
        "three days a year ago: `status_changes`",
        "select * from lmp_billing.status_changes
         where changed_at >= now() - interval '1 year' and changed_at < now() - interval '1 year' + interval '3 days'",
    ),
    quick(
        "three days: new in `current_reports`",
        "select * from lmp_billing.current_reports where first_seen_at >= now() - interval '3 days'",
    ),
    slow(
        "three days: `report_history` by `valid_from`",
        "select * from lmp_billing.report_history where valid_from >= now() - interval '3 days'",
    ),
    slow(
        "three days: changed in `current_reports`",
        "select * from lmp_billing.current_reports where status_since >= now() - interval '3 days'",
    ),
    slow("all: `cycle_progress`", "select * from lmp_billing.cycle_progress"),
    slow("all: `cycles`", "select * from lmp_billing.cycles"),
    slow("all: `open_reports`", "select * from lmp_billing.open_reports"),
    slow(
        "all: `open_reports` by who has to act",
        "select waits_for, count(*), min(status_since) from lmp_billing.open_reports group by waits_for",
    ),
    slow("all: reopened, from `status_changes`", "select * from lmp_billing.status_changes where reopened"),
    slow("all: `time_in_status`", "select * from lmp_billing.time_in_status"),
    slow(
        "all: counted at a moment, from `reports_as_of`",
        "select cycle, status, count(*) from lmp_billing.reports_as_of(now() - interval '1 month') group by 1, 2",
    ),
];
