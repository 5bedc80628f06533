//! Five daemons and one tick.

use chrono::TimeDelta;
use rustix::process::Signal;

use crate::faults::moved::Moved;

const DAEMONS: usize = 5;

#[tokio::test]
async fn five_daemons_run_one_tick_once_and_ask_the_upstream_once() {
    let lab = Moved::new(3, TimeDelta::zero()).await;
    // Half past: no tick comes by itself while the daemons start.
    let half_past = chrono::DateTime::from_timestamp(1_796_000_400 / 3600 * 3600 + 1800, 0).unwrap();
    lab.set(half_past);
    let hourly = "[schedule]\nrefresh = '0 * * * *'\ndiscover = '0 0 29 2 *'\nreconcile = '0 0 29 2 *'\nprune = '0 * * * *'\n";
    lab.settings(hourly);
    let mut daemons: Vec<_> = (0..DAEMONS).map(|_| lab.call(&["run"]).start()).collect();
    for daemon in &mut daemons {
        daemon.stderr.until("started").await;
    }
    let ended = |triggers: &str| {
        format!(
            "select count(*) from lmp_billing.sync_runs where outcome <> 'running' and trigger in ({triggers})"
        )
    };
    lab.until_count(&ended("'startup'"), 1).await;
    assert_eq!(lab.handle().received(), 25, "the first sync is one daemon's");

    for hour in 1..=3 {
        lab.set(half_past + TimeDelta::hours(hour) - TimeDelta::minutes(20));
        // Who was just looking takes it for a tick of the day, the others for one they slept through.
        lab.until_count(&ended("'catch_up', 'schedule'"), 2 * hour).await;
    }
    for daemon in &daemons {
        daemon.signal(Signal::TERM);
    }
    for daemon in daemons {
        daemon.ended().await.with_code(0);
    }
    assert_eq!(
        lab.texts("select concat_ws(' ', job, count(*), max(attempt), count(distinct run_id)) from lmp_billing.schedule_ticks
                   where due_at > '-infinity' group by job order by job").await,
        ["prune 3 1 3", "refresh 3 1 3"]
    );
    assert_eq!(lab.count("select count(*) from lmp_billing.sync_runs").await, 1 + 2 * 3);
    // A slow machine may have to ask twice.
    let asked = lab.count("select sum(attempts) from lmp_billing.cycle_polls").await;
    assert_eq!(lab.handle().received(), u64::try_from(asked).unwrap(), "no request that is not on record");
    lab.assert_history_is_sound().await;
}
