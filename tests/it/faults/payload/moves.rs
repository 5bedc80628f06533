//! Reports that move, are renamed, change their dates, or come back to what they were.

use crate::support::lab::{Lab, With as _, report};

const HISTORY: &str =
    "select version, to_char(cycle, 'YYYY-MM'), partner_company_name, start_date, end_date, status,
                              valid_to is not null as past
                       from lmp_billing.report_history order by version";

#[tokio::test]
async fn a_rename_new_dates_and_a_move_are_each_one_version_and_the_earlier_ones_stay() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(2).await;
    let later = cycle.next();
    let renamed = report(1, cycle).with(|r| r.partner_company_name = "Renamed".to_owned());
    let longer = renamed.clone().with(|r| r.end_date = later.first_day());
    let moved = renamed.clone().with(|r| (r.start_date, r.end_date) = (later.first_day(), later.last_day()));
    for served in [&report(1, cycle), &renamed, &longer] {
        lab.serve(cycle, [served.clone()]);
        lab.poll(cycle).await;
        assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    }
    // The month it has left is asked before and after the one it has gone to.
    lab.serve(later, [moved.clone()]);
    lab.serve(cycle, []);
    lab.poll(later).await;
    for asked in [cycle, later, cycle] {
        assert_eq!(lab.poll(asked).await.outcome.as_str(), "unchanged", "{asked}");
    }
    let version = |number: u32,
                   of: &lmp_billing_sync::simulator::SimReport,
                   at: lmp_billing_sync::domain::Cycle,
                   past: bool| {
        format!(
            "{number}|{at}|{}|{}|{}|MSP Preparing|{past}",
            of.partner_company_name, of.start_date, of.end_date
        )
    };
    assert_eq!(
        lab.lines(HISTORY).await,
        [
            version(1, &report(1, cycle), cycle, true),
            version(2, &renamed, cycle, true),
            version(3, &longer, cycle, true),
            version(4, &moved, later, false),
        ]
    );
    let gaps = "select count(*) from (
                    select valid_from <> lag(valid_to) over (order by version) as gap from lmp_billing.report_history
                ) v where gap";
    assert_eq!(lab.value(gaps).await, "0");
    assert_eq!(lab.value("select count(*) from lmp_billing.reports where withdrawn_at is null").await, "1");
    assert_eq!(lab.value("select count(*) from lmp_billing.status_changes").await, "0");
}

#[tokio::test]
async fn what_went_there_and_back_between_two_polls_is_not_invented() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let approved = report(1, cycle).with(|r| r.status = "Approved".to_owned());
    lab.serve(cycle, [report(1, cycle)]);
    lab.poll(cycle).await;
    let before = lab.lines("select ctid, xmin, xmax, * from lmp_billing.reports").await;
    // Changed and changed back, and nobody has asked in between.
    lab.serve(cycle, [approved.clone()]);
    lab.serve(cycle, [report(1, cycle)]);
    assert_eq!(lab.poll(cycle).await.outcome.as_str(), "unchanged");
    assert_eq!(lab.lines("select ctid, xmin, xmax, * from lmp_billing.reports").await, before);
    assert_eq!(lab.value("select count(*) from lmp_billing.superseded_versions").await, "0");
    // Seen in between, both changes are history, and a poll that failed in between has seen nothing.
    lab.serve(cycle, [approved]);
    lab.lmp()
        .push_fault(lmp_billing_sync::simulator::FaultRule::once(lmp_billing_sync::simulator::Fault::Html));
    lab.poll(cycle).await;
    assert_eq!(lab.value("select count(*) from lmp_billing.report_history").await, "1");
    lab.poll(cycle).await;
    lab.serve(cycle, [report(1, cycle)]);
    lab.poll(cycle).await;
    assert_eq!(
        lab.lines("select version, status from lmp_billing.report_history order by version").await,
        ["1|MSP Preparing", "2|Approved", "3|MSP Preparing"]
    );
    assert_eq!(
        lab.lines("select from_status, to_status from lmp_billing.status_changes order by version").await,
        ["MSP Preparing|Approved", "Approved|MSP Preparing"]
    );
}
