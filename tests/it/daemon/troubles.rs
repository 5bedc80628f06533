//! What goes wrong for a while: told by the status line and the metrics while it lasts, and by the log when it
//! is over.

use lmp_billing_sync::simulator::{Fault, FaultRule};
use rustix::process::Signal;

use super::{NEVER, settings, until_count};
use crate::cli::lab::CommandLab;
use crate::support::http::ask;
use crate::support::manager::Manager;
use crate::support::wait::until_async;

#[tokio::test]
async fn failing_runs_and_refused_settings_are_told_until_they_are_over() {
    let (lab, manager) = (CommandLab::new().await, Manager::new());
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'");
    let right = settings(&lab, &["emea"], &schedule).replace("listen = ''", "listen = '127.0.0.1:0'");
    lab.write_settings(&right);
    let mut daemon = lab.call(&["run"]).env("NOTIFY_SOCKET", &manager.path()).start();
    let address = daemon.address().await;
    let metric = async || {
        let metrics = ask(address, "GET", "/metrics").await.body;
        let line =
            metrics.lines().find(|line| line.starts_with("lmp_billing_sync_config_last_reload_successful"));
        line.expect("the metric").to_owned()
    };
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'", 2).await;
    assert!(metric().await.ends_with(" 1"));

    lab.handle().push_fault(FaultRule::always(Fault::Status { code: 503, retry_after: None }));
    manager.until("refresh of emea fails since 2").await;
    lab.write_settings("[sync]\nmax_atempts = 3\n");
    daemon.signal(Signal::HUP);
    let told = manager.until("were refused, older ones are in force").await;
    assert!(told.lines().last().unwrap().contains("refresh of emea fails since"), "{told}");
    assert!(metric().await.ends_with(" 0"));

    lab.handle().clear_faults();
    daemon.stderr.until("refresh succeeds again").await;
    lab.write_settings(&right);
    daemon.signal(Signal::HUP);
    daemon.stderr.until("loaded the settings anew").await;
    assert!(metric().await.ends_with(" 1"));
    until_async("nothing is wrong any more", async || {
        let told = manager.until("idle until").await;
        !told.lines().last().is_some_and(|told| told.contains("fails") || told.contains("refused"))
    })
    .await;
    daemon.stops().await;
}
