//! A command that syncs while the daemon does.

use crate::cli::lab::{CommandLab, months_ago, report};
use crate::daemon::{NEVER, settings, until_count};

#[tokio::test]
async fn commands_during_ticks_take_turns_with_them_cycle_by_cycle() {
    const STATUSES: [&str; 5] = ["MSP Preparing", "Under Review", "Rejected", "Approved", "Completed"];
    let lab = CommandLab::new().await;
    let schedule = NEVER.replace("reconcile = '0 0 29 2 *'", "reconcile = '* * * * * *'");
    lab.write_settings(&settings(&lab, &["emea"], &schedule));
    let (cycle, arg) = (months_ago(1), months_ago(1).to_string());
    let serve = |status: &str| {
        lab.serve(cycle, (1..=100).map(|id| report(id, "Acme", cycle, status)).collect());
    };
    serve(STATUSES[0]);
    let daemon = lab.call(&["run"]).quiet().start();
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 2).await;
    for status in STATUSES {
        serve(status);
        let calls = (0..3).map(|_| lab.call(&["sync", "--cycle", &arg]).ends_with(0));
        futures_util::future::join_all(calls).await;
    }
    daemon.stops().await;

    for (what, query) in [
        ("a poll failed", "select error from lmp_billing.cycle_polls where outcome not in ('applied', 'unchanged', 'stale', 'interrupted')"),
        (
            "an answer was applied twice or out of turn",
            "select id::text from lmp_billing.report_history group by id having count(*) > 5 or count(*) <> max(version)",
        ),
        (
            "two neighbours are equal",
            "select id::text from (select id, status, lag(status) over (partition by id order by version) as before
                                   from lmp_billing.report_history) v where status = before",
        ),
        (
            "an older poll was applied after a newer one",
            "select a.id::text from lmp_billing.cycle_polls a join lmp_billing.cycle_polls b using (account, cycle)
             where a.id < b.id and a.finished_at > b.finished_at
               and a.outcome in ('applied', 'unchanged') and b.outcome in ('applied', 'unchanged')",
        ),
    ] {
        assert_eq!(lab.texts(query).await, [""; 0], "{what}");
    }
    assert_eq!(
        lab.texts("select distinct status from lmp_billing.reports where partner_company_name = 'Acme'")
            .await,
        ["Completed"]
    );
    let updated = lab.count("select sum(updated) from lmp_billing.cycle_polls").await;
    let superseded = lab.count("select count(*) from lmp_billing.superseded_versions").await;
    assert_eq!(updated, superseded, "each change was counted once");
}
