//! A process out of file descriptors.

use std::time::{Duration, Instant};

use lmp_billing_sync::simulator::SimulatorHandle;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::processor_time;
use crate::cli::lab::CommandLab;
use crate::cli::process::Running;
use crate::daemon::{NEVER, settings, until_count};
use crate::support::wait::until_async;

const SUCCEEDED: &str = "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'";

fn limit(daemon: &Running, descriptors: Option<u64>) -> Option<u64> {
    let new = Rlimit { current: descriptors, maximum: Some(1024) };
    prlimit(Pid::from_raw(daemon.pid()), Resource::Nofile, new).unwrap().current
}

/// Connections of the daemon end, so that it needs new ones.
async fn cut(lab: &CommandLab, lmp: &SimulatorHandle) {
    lab.count(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where application_name = 'lmp-billing-sync' and datname = current_database()",
    )
    .await;
    lmp.push_fault(lmp_billing_sync::simulator::FaultRule::once(
        lmp_billing_sync::simulator::Fault::ResetInHeaders,
    ));
}

#[tokio::test]
async fn out_of_file_descriptors_it_waits_without_spinning_and_goes_on_when_there_are_some() {
    let lab = CommandLab::new().await;
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'");
    lab.write_settings(
        &settings(&lab, &["emea"], &schedule).replace("listen = ''", "listen = '127.0.0.1:0'"),
    );
    let mut daemon = lab.call(&["run"]).start();
    let address = daemon.address().await;
    until_count(&lab, SUCCEEDED, 3).await;
    let stored = lab.count("select count(*) from lmp_billing.report_history").await;
    assert!(stored > 0);

    // Lower than what is open already: nothing new can be opened.
    limit(&daemon, Some(6));
    cut(&lab, &lab.handle()).await;
    let (used, start) = (processor_time(&daemon), Instant::now());
    let waiting = tokio::net::TcpStream::connect(address).await.unwrap();
    daemon.stderr.until("trying again").await;
    let ran = lab.count(SUCCEEDED).await;
    // A wait of its own and not one for an event: that nothing happens is what is looked at.
    until_async("some time passes", async || start.elapsed() > Duration::from_secs(6)).await;
    let (used, passed) = (processor_time(&daemon).saturating_sub(used), start.elapsed());
    assert!(used < passed / 2, "{used:?} of work in {passed:?}, as a loop without end has");
    assert!(lab.count(SUCCEEDED).await <= ran + 1, "it cannot have reached the database");
    assert_eq!(lab.count("select count(*) from lmp_billing.report_history").await, stored);

    limit(&daemon, Some(1024));
    drop(waiting);
    until_count(&lab, SUCCEEDED, ran + 4).await;
    assert_eq!(crate::support::http::ask(address, "GET", "/healthz").await.status, 200);
    daemon.stops().await;
    assert_eq!(lab.count("select count(*) from lmp_billing.report_history").await, stored);
}
