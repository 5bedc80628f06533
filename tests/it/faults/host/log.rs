//! A log that nobody takes: a journal on a full disk, a reader that has gone or does not read.

use std::fs::OpenOptions;
use std::process::Stdio;

use rustix::process::Signal;

use super::processor_time;
use crate::cli::lab::CommandLab;
use crate::daemon::{NEVER, settings, until_count};

const SUCCEEDED: &str = "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'";

/// A daemon that is due every second and says very much, into this.
async fn goes_on(stderr: Stdio) {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(
        &lab,
        &["emea"],
        &NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'"),
    ));
    let daemon = lab.call(&["run"]).set("log.filter", "trace").stderr(stderr).start();
    until_count(&lab, SUCCEEDED, 4).await;
    let (used, start) = (processor_time(&daemon), std::time::Instant::now());
    until_count(&lab, SUCCEEDED, lab.count(SUCCEEDED).await + 3).await;
    let (used, passed) = (processor_time(&daemon).saturating_sub(used), start.elapsed());
    assert!(used < passed, "{used:?} of work in {passed:?}, as a loop without end has");
    daemon.signal(Signal::TERM);
    daemon.ends_within(std::time::Duration::from_secs(10)).await.with_code(0);
    assert!(lab.count("select count(*) from lmp_billing.reports").await > 0);
}

#[tokio::test]
async fn a_full_disk_under_the_log_does_not_stop_the_daemon() {
    goes_on(OpenOptions::new().write(true).open("/dev/full").unwrap().into()).await;
}

#[tokio::test]
async fn a_reader_of_the_log_that_has_gone_does_not_stop_the_daemon() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    goes_on(writer.into()).await;
}

#[tokio::test]
async fn a_reader_of_the_log_that_does_not_read_does_not_stop_the_daemon() {
    let (reader, writer) = std::io::pipe().unwrap();
    goes_on(writer.into()).await;
    drop(reader);
}

#[tokio::test]
async fn a_command_whose_log_nobody_takes_tells_by_its_exit_code() {
    let lab = CommandLab::new().await;
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    lab.call(&["sync"]).set("log.filter", "debug").stderr(full()).ends_with(0).await;
    lab.call(&["sync"])
        .set("accounts.emea.secret_key", "not-the-right-key")
        .stderr(full())
        .ends_with(1)
        .await;
    lab.call(&["sync"]).set("sync.max_attempts", "0").stderr(full()).ends_with(78).await;
}

#[tokio::test]
async fn a_failed_tick_logs_a_bounded_number_of_lines() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(lmp_billing_sync::simulator::FaultRule::always(
        lmp_billing_sync::simulator::Fault::Status { code: 503, retry_after: None },
    ));
    lab.write_settings(&settings(
        &lab,
        &["emea"],
        &NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '*/2 * * * * *'"),
    ));
    let daemon = lab.call(&["run"]).start();
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'failed'", 6).await;
    daemon.signal(Signal::TERM);
    let ended = daemon.ended().await.with_code(0);
    let lines = i64::try_from(ended.stderr.lines().count()).unwrap();
    let polls = lab.count("select count(*) from lmp_billing.cycle_polls").await;
    let runs = lab.count("select count(*) from lmp_billing.sync_runs").await;
    let ticks = lab.count("select count(*) from lmp_billing.schedule_ticks").await;
    assert!(polls > 25);
    // One for each poll that failed, one for each run and each tick that was skipped, and the start and end.
    assert!(lines <= polls + runs + ticks + 5, "{lines} lines for {polls} polls: {}", ended.stderr);
}
