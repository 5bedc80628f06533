//! What is past retention is neither taken, changed nor withdrawn by a poll.

use lmp_billing_sync::domain::Retention;

use crate::support::lab::{Lab, With as _, report};

#[tokio::test]
async fn an_entry_past_retention_is_good_but_ignored() {
    let mut lab = Lab::new().await;
    lab.rules.retention = Retention { months: 2 };
    let today = lab.rules.today(lab.now().await);
    let cutoff = lab.rules.retention.cutoff(today);
    let cycle = lab.window().await.oldest();
    let start = cycle.back(1).first_day();
    let ends = |number, end| report(number, cycle).with(|r| (r.start_date, r.end_date) = (start, end));
    // The last day before the cutoff may lie in the month before, where it would be off the cycle.
    let past = cutoff.pred_opt().filter(|day| *day >= cycle.first_day());
    let served = [Some(ends(1, cutoff)), past.map(|day| ends(2, day)), Some(report(3, cycle))];
    let served: Vec<_> = served.into_iter().flatten().collect();
    let seen = i32::try_from(served.len()).unwrap();
    lab.serve(cycle, served);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.reports_seen, poll.quarantined), ("applied", seen, 0));
    assert_eq!(
        lab.lines("select partner_company_name from lmp_billing.reports order by id").await,
        ["Partner 1", "Partner 3"],
        "the one that ends on the cutoff stays"
    );
}

#[tokio::test]
async fn a_stored_report_past_retention_is_neither_changed_nor_withdrawn() {
    let mut lab = Lab::new().await;
    let cycle = lab.cycle(3).await;
    let short = |number| report(number, cycle).with(|r| r.end_date = cycle.first_day());
    lab.serve(cycle, [short(1), short(2), report(3, cycle)]);
    lab.poll(cycle).await;

    // Time goes by until the short ones are past retention, but not the third.
    let today = lab.rules.today(lab.now().await);
    let months = (1..24)
        .find(|months| !Retention::is_past(Retention { months: *months }.cutoff(today), cycle.last_day()));
    lab.rules.retention = Retention { months: months.unwrap() };
    let cutoff = lab.rules.retention.cutoff(today);
    if !Retention::is_past(cutoff, cycle.first_day()) {
        // On the first days of a month nothing lies between; the next test run will see it.
        lab.execute(&format!("update lmp_billing.reports set start_date = date '{cutoff}' - 10, end_date = date '{cutoff}' - 1 where end_date = start_date")).await;
    }
    lab.serve(cycle, [short(1).with(|r| r.status = "Completed".to_owned()), report(3, cycle)]);
    let poll = lab.poll(cycle).await;
    assert_eq!((poll.outcome.as_str(), poll.updated, poll.withdrawn), ("unchanged", 0, 0));
    assert_eq!(
        lab.lines("select version, status, withdrawn_at from lmp_billing.reports order by id").await,
        ["1|MSP Preparing|~"; 3]
    );
}
