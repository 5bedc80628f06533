//! The daemon's clock and the database's disagree: the database's stamps what is stored.

use chrono::{DateTime, TimeDelta, Utc};
use lmp_billing_sync::clock::Clock as _;

use crate::faults::moved::Moved;

#[tokio::test]
async fn every_stored_moment_is_of_the_databases_clock() {
    for apart in [TimeDelta::hours(-20), TimeDelta::hours(20)] {
        let lab = Moved::new(3, TimeDelta::zero()).await;
        lab.settings("");
        lab.database.shift(apart);
        let before = lab.database.now();
        lab.call(&["sync"]).ends_with(0).await;
        lab.call(&["prune"]).ends_with(0).await;
        let after = lab.database.now();
        let stored = "select unnest(array[valid_from, first_seen_at, status_since]) from lmp_billing.reports
                      union select unnest(array[requested_at, finished_at]) from lmp_billing.cycle_polls
                      union select unnest(array[started_at, finished_at]) from lmp_billing.sync_runs";
        let moments: Vec<DateTime<Utc>> = sqlx::query_scalar(stored).fetch_all(lab.pool()).await.unwrap();
        assert!(moments.len() > 50);
        for moment in moments {
            // The shift has milliseconds.
            let tolerance = TimeDelta::milliseconds(2);
            assert!(
                before - tolerance <= moment && moment <= after + tolerance,
                "{moment} is not of the database, where it was {before} to {after}"
            );
        }
        lab.assert_history_is_sound().await;
    }
}

#[tokio::test]
async fn check_tells_which_clock_is_off_by_how_much_and_what_it_will_do() {
    let lab = Moved::new(3, TimeDelta::zero()).await;
    lab.settings("");
    lab.call(&["check"]).ends_with(0).await.says(&["ok    clock", "0 s ahead of the database's"]);
    lab.database.shift(TimeDelta::hours(2));
    let ended = lab.call(&["check"]).ends_with(0).await;
    // A second more or less may pass on the way.
    ended.says(&[
        "warn  clock",
        "this machine's clock is 7",
        "s behind the database's",
        "prune refuses",
        "(NTP)",
    ]);
}
