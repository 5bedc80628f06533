//! SIGHUP: what it changes, what it cannot, and that wrong settings change nothing.

use lmp_billing_sync::simulator::{Fault, FaultRule};
use rustix::process::Signal;

use super::{NEVER, settings, until_count};
use crate::cli::lab::{CommandLab, SECRET_KEY};

const RUNS_ENDED: &str = "select count(*) from lmp_billing.sync_runs where outcome <> 'running'";
const RUNS: &str =
    "select concat_ws(' ', account, job, trigger, outcome, polls) from lmp_billing.sync_runs order by id";

/// A schedule with which refresh is due every second.
fn every_second() -> String {
    NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'")
}

#[tokio::test]
async fn a_hangup_loads_the_settings_anew_and_wrong_ones_change_nothing() {
    let lab = CommandLab::with_accounts(&["emea", "apac"]).await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    let mut daemon = lab.call(&["run"]).start();
    daemon.stderr.until("reconcile succeeded").await;

    lab.write_settings("[sync]\nmax_atempts = 3\n");
    daemon.signal(Signal::HUP);
    let told = daemon.stderr.until("the settings stay as they were").await;
    assert!(!told.contains("loaded the settings anew"), "{told}");

    lab.write_settings(
        &settings(&lab, &["emea", "apac"], NEVER).replace("max_attempts = 1", "max_attempts = 2"),
    );
    daemon.signal(Signal::HUP);
    daemon.stderr.until("loaded the settings anew").await;
    until_count(&lab, RUNS_ENDED, 2).await;
    daemon.stops().await;
    assert_eq!(
        lab.texts(RUNS).await,
        ["emea reconcile startup succeeded 25", "apac reconcile startup succeeded 25"]
    );
}

#[tokio::test]
async fn schedules_and_limits_are_those_of_the_new_file_and_a_wrong_one_changes_neither() {
    let lab = CommandLab::new().await;
    let quick = settings(&lab, &["emea"], &every_second());
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    let mut daemon = lab.call(&["run"]).start();
    daemon.stderr.until("reconcile succeeded").await;

    lab.write_settings(&quick);
    daemon.signal(Signal::HUP);
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where job = 'refresh'", 2).await;

    lab.handle().push_fault(FaultRule::always(Fault::Status { code: 503, retry_after: None }));
    until_count(&lab, "select count(*) from lmp_billing.cycle_polls where outcome = 'failed'", 1).await;
    // Wrong in one key; that another one is right does not put it into force.
    let two = quick.replace("max_attempts = 1", "max_attempts = 2");
    lab.write_settings(&format!("{two}[retention]\nmonths = -1\n"));
    daemon.signal(Signal::HUP);
    let told = daemon.stderr.until("the settings stay as they were").await;
    let told = told.lines().last().unwrap().to_owned();
    assert!(told.contains("retention.months") && told.contains("reload again"), "{told}");
    let polls = lab.count("select count(*) from lmp_billing.cycle_polls").await;
    until_count(&lab, "select count(*) from lmp_billing.cycle_polls", polls + 10).await;
    assert_eq!(lab.count("select max(attempts)::int8 from lmp_billing.cycle_polls").await, 1);

    lab.write_settings(&two);
    daemon.signal(Signal::HUP);
    until_count(&lab, "select count(*) from lmp_billing.cycle_polls where attempts = 2", 1).await;
    daemon.stops().await;
}

#[tokio::test]
async fn the_log_is_filtered_as_the_new_file_says_and_not_as_a_wrong_one_says() {
    for format in ["text", "json"] {
        let lab = CommandLab::new().await;
        let with = |filter: &str| {
            format!(
                "{}[log]\nformat = '{format}'\nfilter = '{filter}'\n",
                settings(&lab, &["emea"], &every_second())
            )
        };
        lab.write_settings(&with("info"));
        let mut daemon = lab.call(&["run"]).start();
        let told = daemon.stderr.until("reconcile succeeded").await.to_owned();
        assert!(!told.contains("DEBUG"), "{told}");
        lab.write_settings(&with("debug").replace("max_attempts", "max_atempts"));
        daemon.signal(Signal::HUP);
        let told = daemon.stderr.until("the settings stay as they were").await;
        assert!(!told.contains("DEBUG"), "{told}");
        lab.write_settings(&with("info,lmp_billing_sync=debug"));
        daemon.signal(Signal::HUP);
        daemon.stderr.until("refresh: nothing new").await;
        lab.write_settings(&with("off"));
        daemon.signal(Signal::HUP);
        until_count(&lab, RUNS_ENDED, lab.count(RUNS_ENDED).await + 5).await;
        daemon.signal(Signal::TERM);
        let ended = daemon.ended().await.with_code(0);
        assert!(
            !ended.stderr.contains("told to stop") && !ended.stderr.contains("stopped"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn what_only_a_restart_changes_is_named_each_time_and_the_rest_is_in_force() {
    let lab = CommandLab::new().await;
    let old = settings(&lab, &["emea"], NEVER);
    lab.write_settings(&old);
    let mut daemon = lab.call(&["run"]).start();
    daemon.stderr.until("reconcile succeeded").await;
    // Nothing has changed, so nothing is said to need a restart.
    daemon.signal(Signal::HUP);
    let told = daemon.stderr.until("loaded the settings anew").await.to_owned();
    assert!(!told.contains("restart"), "{told}");

    let new = old
        .replace(lab.db.url(), "postgres://somebody:else@127.0.0.1:1/elsewhere")
        .replace("[sync]", "max_connections = 9\n[sync]")
        .replace("listen = ''", "listen = '127.0.0.1:1'")
        .replace(NEVER, &every_second());
    lab.write_settings(&format!("data_dir = 'elsewhere'\n{new}[log]\nformat = 'json'\n"));
    for _ in 0..2 {
        let before = daemon.stderr.read_so_far();
        daemon.signal(Signal::HUP);
        let told = daemon.stderr.until("loaded the settings anew").await[before..].to_owned();
        for setting in ["data_dir", "database.url", "database.max_connections", "http.listen", "log.format"] {
            let words = format!("{setting} has changed, which takes effect only with a restart");
            assert_eq!(told.matches(&words).count(), 1, "{setting}: {told}");
        }
        assert!(!told.contains("database.migrate"), "{told}");
    }
    // The schedule is, and the database is still the one it was.
    until_count(&lab, "select count(*) from lmp_billing.sync_runs where job = 'refresh'", 1).await;
    daemon.stops().await;
}

#[tokio::test]
async fn secrets_that_the_service_manager_hands_over_are_said_to_be_those_of_the_last_start() {
    let lab = CommandLab::new().await;
    let with = |secret: &str| {
        settings(&lab, &["emea"], NEVER)
            .replace(&format!("secret_key = '{SECRET_KEY}'"), &format!("secret_key_file = '{secret}'"))
    };
    let credentials = lab.folder().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    for file in [credentials.join("secrets_emea.key"), lab.folder().join("other.key")] {
        std::fs::write(file, SECRET_KEY).unwrap();
    }
    lab.write_settings(&with("secrets/emea.key"));
    let mut daemon =
        lab.call(&["run"]).env("CREDENTIALS_DIRECTORY", &credentials.display().to_string()).start();
    daemon.stderr.until("reconcile succeeded").await;
    daemon.signal(Signal::HUP);
    daemon.stderr.until("restart after changing one").await;
    // A file of one's own is read anew by each run.
    lab.write_settings(&with("other.key"));
    let before = daemon.stderr.read_so_far();
    daemon.signal(Signal::HUP);
    let told = daemon.stderr.until("loaded the settings anew").await[before..].to_owned();
    assert!(!told.contains("restart"), "{told}");
    daemon.stops().await;
}
