//! Signs of life for the service manager come from the place that would hang: the loop that starts jobs.

use std::time::{Duration, Instant};

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

use crate::cli::lab::CommandLab;
use crate::daemon::{NEVER, settings};
use crate::support::dir::data_dir;
use crate::support::manager::Manager;

/// What the service manager would be patient for.
const PATIENCE: Duration = Duration::from_secs(6);

#[tokio::test]
async fn signs_of_life_go_on_while_the_database_is_frozen_and_stop_when_the_daemon_is() {
    let manager = Manager::new();
    // A server of its own: its processes may be frozen.
    let data = data_dir();
    let server = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(data.path())).await.unwrap();
    let lab = CommandLab::new().await;
    let own = format!("url = '{}'", server.url().expose_secret());
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'");
    lab.write_settings(
        &settings(&lab, &["emea"], &schedule).replace(&format!("url = '{}'", lab.db.url()), &own),
    );
    let daemon = lab
        .call(&["run"])
        .quiet()
        .env("NOTIFY_SOCKET", &manager.path())
        .env("WATCHDOG_USEC", &PATIENCE.as_micros().to_string())
        .start();
    manager.until("READY=1").await;
    for _ in 0..3 {
        manager.until("WATCHDOG=1").await;
    }

    let mut watcher = PgConnection::connect(server.url().expose_secret()).await.unwrap();
    let backends = "select pid from pg_stat_activity where application_name = 'lmp-billing-sync'";
    let backends: Vec<i32> = sqlx::query_scalar(backends).fetch_all(&mut watcher).await.unwrap();
    assert!(!backends.is_empty());
    let each = |signal| {
        for backend in &backends {
            // Some may have ended meanwhile.
            let _ = kill_process(Pid::from_raw(*backend).unwrap(), signal);
        }
    };
    each(Signal::STOP);
    // A database that does not answer is no reason to be killed.
    let frozen = Instant::now();
    while frozen.elapsed() < PATIENCE * 2 {
        manager.until("WATCHDOG=1").await;
    }
    each(Signal::CONT);

    // Nothing runs any more: nothing is said, for longer than the manager is patient.
    daemon.signal(Signal::STOP);
    while manager.told(Duration::from_millis(200)).await.is_some() {}
    assert_eq!(manager.told(PATIENCE + Duration::from_secs(1)).await, None);
    // As the manager does then. What it was at is found out by the next.
    daemon.signal(Signal::KILL);
    drop(daemon);
    server.stop().await;
}
