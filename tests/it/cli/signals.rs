//! SIGTERM and SIGINT in the middle of a sync.

use std::time::Duration;

use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lmp_billing_sync::simulator::{Fault, FaultRule, Gate};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

use super::lab::{CommandLab, months_ago, report};
use crate::support::dir::data_dir;
use crate::support::lab::reports;
use crate::support::wait::until_async;

/// What the program promises.
const LIMIT: Duration = Duration::from_secs(10);

/// As much as a pipe holds, see pipe(7).
const PIPE: u64 = 64 << 10;

/// A laboratory whose LMP holds back the answers for a cycle.
async fn lab_that_holds(cycle: Cycle) -> (CommandLab, Gate) {
    let lab = CommandLab::new().await;
    let gate = Gate::closed();
    lab.handle().push_fault(FaultRule::always(Fault::Hold(gate.clone())).on_cycle(cycle));
    (lab, gate)
}

async fn outcomes(lab: &CommandLab) -> (Vec<String>, Vec<String>) {
    (
        lab.texts("select outcome from lmp_billing.sync_runs order by id").await,
        lab.texts("select outcome from lmp_billing.cycle_polls order by cycle").await,
    )
}

#[tokio::test]
async fn a_signal_while_lmp_is_silent_ends_the_sync_and_says_so_in_the_log_of_runs() {
    for signal in [Signal::TERM, Signal::INT] {
        let cycle = months_ago(1);
        let (lab, _gate) = lab_that_holds(cycle).await;
        let running = lab.call(&["sync", "--cycle", &cycle.to_string()]).start();
        lab.handle().wait_for_requests(1).await;
        running.signal(signal);
        running.ends_within(LIMIT).await.with_code(1).says(&["interrupted"]).complains(&["told to stop"]);
        assert_eq!(outcomes(&lab).await, (vec!["interrupted".to_owned()], vec!["interrupted".to_owned()]));
        assert_eq!(
            lab.count("select count(*) from lmp_billing.sync_runs where finished_at is null").await,
            0
        );
        assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 0);
    }
}

#[tokio::test]
async fn what_was_applied_before_the_signal_is_kept_and_the_next_sync_does_the_rest() {
    let [held, done] = [1, 2].map(months_ago);
    let (lab, gate) = lab_that_holds(held).await;
    let (held_arg, done_arg) = (held.to_string(), done.to_string());
    let args = ["sync", "--cycle", &held_arg, "--cycle", &done_arg];
    let running = lab.call(&args).start();
    let applied = "select count(*) from lmp_billing.cycle_polls where outcome = 'applied'";
    until_async("the other cycle is applied", async || lab.count(applied).await == 1).await;
    running.signal(Signal::TERM);
    running.ends_within(LIMIT).await.with_code(1);
    let (runs, polls) = outcomes(&lab).await;
    assert_eq!(runs, ["interrupted"]);
    assert_eq!(polls, ["applied", "interrupted"]);
    let kept = lab.count("select count(*) from lmp_billing.reports").await;
    assert_eq!(kept, lab.count("select sum(inserted) from lmp_billing.cycle_polls").await);
    assert!(kept > 0);

    gate.open();
    lab.succeeds(&args).await.says(&["2 of 2 polls"]);
    let served = lab.count("select sum(inserted) from lmp_billing.cycle_polls").await;
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, served);
    assert!(served > kept);
    assert_eq!(lab.count("select count(*) from lmp_billing.superseded_versions").await, 0);
}

#[tokio::test]
async fn cycles_that_were_not_begun_leave_no_trace() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::Hold(Gate::closed())));
    let running = lab.call(&["sync"]).set("accounts.emea.max_concurrency", "1").start();
    lab.handle().wait_for_requests(1).await;
    running.signal(Signal::TERM);
    running.ends_within(LIMIT).await.with_code(1);
    assert_eq!(outcomes(&lab).await.1, ["interrupted"]);
    assert_eq!(lab.handle().received(), 1);
}

/// Somebody who holds `reports`, as a careless analyst might.
async fn lock_reports(lab: &CommandLab) -> PgConnection {
    let mut analyst = PgConnection::connect(lab.db.url()).await.unwrap();
    sqlx::raw_sql("begin; lock table lmp_billing.reports in access exclusive mode")
        .execute(&mut analyst)
        .await
        .unwrap();
    analyst
}

/// The program, waiting for the analyst in the middle of applying an answer.
async fn stuck_sync(lab: &CommandLab) -> super::process::Running {
    let cycle = months_ago(1);
    lab.serve(cycle, vec![report(1, "Acme", cycle, "Completed")]);
    let running = lab.call(&["sync", "--cycle", &cycle.to_string()]).start();
    let waiting = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
                   where d.datname = current_database() and not l.granted";
    until_async("the sync waits for the lock", async || lab.count(waiting).await > 0).await;
    running
}

#[tokio::test]
async fn a_reader_who_does_not_read_on_does_not_keep_an_export_from_stopping() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    lab.serve(cycle, reports(5_000, cycle));
    lab.succeeds(&["sync", "--cycle", &cycle.to_string()]).await;
    let (reader, writer) = std::io::pipe().unwrap();
    let running = lab.call(&["export"]).stdout(writer).start();
    until_async("the pipe is full", async || ioctl_fionread(&reader).unwrap() == PIPE).await;
    running.signal(Signal::TERM);
    running.ends_within(LIMIT).await.with_code(1).complains(&["stopped before all was written"]);
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let lab = CommandLab::new().await;
    let _analyst = lock_reports(&lab).await;
    let mut running = stuck_sync(&lab).await;
    running.signal(Signal::TERM);
    running.stderr.until("told to stop").await;
    running.signal(Signal::INT);
    // Well before the six seconds that applying may go on after the first.
    running.ends_within(Duration::from_secs(3)).await.with_code(1);
}

#[tokio::test]
async fn somebody_elses_lock_does_not_keep_the_program_from_stopping() {
    let lab = CommandLab::new().await;
    let analyst = lock_reports(&lab).await;
    let running = stuck_sync(&lab).await;
    running.signal(Signal::TERM);
    running.ends_within(LIMIT).await.with_code(1);
    analyst.close().await.unwrap();
    assert_eq!(outcomes(&lab).await, (vec!["interrupted".to_owned()], vec!["interrupted".to_owned()]));
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 0);
}

#[tokio::test]
async fn a_frozen_database_does_not_keep_the_program_from_stopping() {
    // A server of its own: its processes are on this machine and may be stopped.
    let folder = data_dir();
    let server = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(folder.path())).await.unwrap();
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let gate = Gate::closed();
    lab.handle().push_fault(FaultRule::always(Fault::Hold(gate.clone())));
    let call = lab.call(&["sync", "--cycle", &cycle.to_string()]);
    let running = call.set("database.url", server.url().expose_secret()).start();
    lab.handle().wait_for_requests(1).await;

    let mut watcher = PgConnection::connect(server.url().expose_secret()).await.unwrap();
    let backends = "select pid from pg_stat_activity where application_name = 'lmp-billing-sync'";
    let backends: Vec<i32> = sqlx::query_scalar(backends).fetch_all(&mut watcher).await.unwrap();
    let each = |signal| {
        for backend in &backends {
            kill_process(Pid::from_raw(*backend).unwrap(), signal).unwrap();
        }
    };
    assert!(!backends.is_empty());
    each(Signal::STOP);
    gate.open();
    running.signal(Signal::TERM);
    running.ends_within(LIMIT).await.with_code(1);
    each(Signal::CONT);
}
