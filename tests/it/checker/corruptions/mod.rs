//! What is planted in a sound database, and the rule that must notice. No corruption is like another.

pub(super) mod ledger;
pub(super) mod polls;
pub(super) mod quarantine;
pub(super) mod retention;
pub(super) mod runs;
pub(super) mod statuses;
pub(super) mod versions;
pub(super) mod views;

/// A name, what is done, and the rule that must notice.
pub(super) type Corruption = (&'static str, &'static str, &'static str);

/// Rows to be corrupted, chosen once.
pub(super) const PICKED: &str = "
    create temporary table changed as
        select account, id from lmp_billing.reports where version >= 4 and withdrawn_at is null and account = 'emea'
        order by version desc, id limit 1;
    create temporary table single as
        select account, id from lmp_billing.reports where version = 1 and withdrawn_at is null and account = 'emea'
        order by id limit 1;
    create temporary table gone as
        select account, id from lmp_billing.reports where withdrawn_at is not null order by id limit 1;
    create temporary table returned as
        select s.account, s.id, s.version from lmp_billing.superseded_versions s
        join lmp_billing.report_history n on n.account = s.account and n.id = s.id and n.version = s.version + 1
        where s.valid_to < n.valid_from order by s.id limit 1;
    create temporary table believed as
        select id from lmp_billing.cycle_polls where outcome = 'applied' and updated > 0 order by id limit 1;
    create temporary table restful as
        select id from lmp_billing.cycle_polls where outcome = 'unchanged' order by id desc limit 1;
    create temporary table quarantined as
        select account, cycle, payload_sha256 from lmp_billing.quarantined_reports where account = 'emea'
        order by payload_sha256 limit 1";

/// Corruptions that the invariants must notice, whatever was served.
pub(super) fn of_one_database() -> impl Iterator<Item = &'static Corruption> {
    [versions::ALL, statuses::ALL, polls::ALL, runs::ALL, quarantine::ALL, views::ALL].into_iter().flatten()
}
