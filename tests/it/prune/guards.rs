//! When it refuses. Which numbers do is tested beside the rule itself.

use chrono::{DateTime, Days, TimeDelta, Utc};
use lmp_billing_sync::clock::Clock;
use lmp_billing_sync::prune::{PruneError, Pruning, Refusal};
use lmp_billing_sync::simulator::{Fault, FaultRule};

use super::{cutoff, left, logged, pruning, run, store};
use crate::support::lab::Lab;

#[derive(Debug)]
struct Off(TimeDelta);

impl Clock for Off {
    #[expect(clippy::disallowed_methods, reason = "a clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.0
    }
}

const YEARS_12: TimeDelta = TimeDelta::days(12 * 365);

async fn refusal(pruning: &Pruning<'_>) -> Refusal {
    match run(pruning).await {
        Err(PruneError::Refused(refusal)) => refusal,
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_machine_whose_clock_is_off_prunes_nothing_even_when_forced() {
    let lab = Lab::new().await;
    store(&lab, "old", 5, cutoff(&lab).await - Days::new(1), 2).await;
    for off in [YEARS_12, -YEARS_12, TimeDelta::days(2)] {
        let clock = Off(off);
        for force in [false, true] {
            let refused = refusal(&Pruning { clock: &clock, force, ..pruning(&lab) }).await;
            assert!(matches!(refused, Refusal::Clocks { .. }), "{off} {force}: {refused}");
            assert_eq!(logged(&lab).await, "prune|cli|*|failed|0|true");
        }
        let plan = Pruning { clock: &clock, force: true, ..pruning(&lab) }.preview().await.unwrap();
        assert!(matches!(plan.refusal, Some(Refusal::Clocks { .. })));
    }
    assert_eq!(left(&lab).await, ["old|5|10"]);
    let near = Off(TimeDelta::hours(23));
    run(&Pruning { clock: &near, ..pruning(&lab) }).await.unwrap();
    assert!(left(&lab).await.is_empty());
}

#[tokio::test]
async fn a_database_whose_clock_is_off_prunes_nothing_even_when_the_machine_agrees_with_it() {
    let lab = Lab::new().await;
    store(&lab, "old", 5, cutoff(&lab).await - Days::new(1), 0).await;
    let cycle = lab.cycle(1).await;
    lab.lmp().push_fault(FaultRule::once(Fault::ClockSkew(-YEARS_12)));
    lab.poll(cycle).await;
    let refused = refusal(&Pruning { force: true, ..pruning(&lab) }).await;
    assert!(matches!(refused, Refusal::VendorClock { .. }), "{refused}");
    assert_eq!(left(&lab).await, ["old|5|0"]);
    // Clocks were set right: the next answer shows it.
    lab.poll(cycle).await;
    run(&pruning(&lab)).await.unwrap();
    assert_eq!(
        lab.value("select count(*) from lmp_billing.reports where partner_company_name = 'old'").await,
        "0"
    );
}

#[tokio::test]
async fn too_large_a_share_is_refused_unless_forced() {
    let lab = Lab::new().await;
    let cutoff = cutoff(&lab).await;
    store(&lab, "old", 101, cutoff - Days::new(1), 1).await;
    store(&lab, "new", 302, cutoff, 0).await;
    lab.execute(
        "insert into lmp_billing.schedule_ticks values
             ('*', 'prune', '2001-01-01', 1, 'x', '2001-01-01', null), ('*', 'prune', '2001-01-02', 1, 'x', '2001-01-02', null)",
    )
    .await;
    let careful = Pruning { max_fraction: 0.25, ..pruning(&lab) };
    let refused = refusal(&careful).await;
    assert_eq!(refused, Refusal::TooMany { due: 101, total: 403, cutoff, max_fraction: 0.25 });
    assert_eq!(careful.preview().await.unwrap().refusal, Some(refused));
    assert_eq!(left(&lab).await, ["new|302|0", "old|101|101"]);
    assert_eq!(logged(&lab).await, "prune|cli|*|failed|0|true");
    assert_eq!(lab.value("select count(*) from lmp_billing.schedule_ticks").await, "2", "logs stay too");
    assert!(lab.value("select error from lmp_billing.sync_runs").await.contains("101 of 403"));

    let forced = Pruning { force: true, ..careful };
    assert_eq!(forced.preview().await.unwrap().refusal, None);
    run(&forced).await.unwrap();
    assert_eq!(left(&lab).await, ["new|302|0"]);
    assert_eq!(logged(&lab).await, "prune|cli|*|succeeded|101|false");
}

#[tokio::test]
async fn a_hundred_may_go_whatever_their_share() {
    let lab = Lab::new().await;
    store(&lab, "old", 100, cutoff(&lab).await - Days::new(1), 0).await;
    run(&Pruning { max_fraction: 0.0, ..pruning(&lab) }).await.unwrap();
    assert!(left(&lab).await.is_empty());
}
