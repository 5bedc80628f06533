//! A secret that is exchanged while the daemon runs.

use rustix::process::Signal;

use crate::cli::lab::{CommandLab, SECRET_KEY};
use crate::daemon::{NEVER, settings, until_count};

#[tokio::test]
async fn the_next_run_uses_a_rotated_secret_without_a_restart_or_a_word() {
    let lab = CommandLab::new().await;
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '* * * * * *'");
    let text = settings(&lab, &["emea"], &schedule)
        .replace(&format!("secret_key = '{SECRET_KEY}'"), "secret_key_file = 'emea.secret'");
    lab.write_settings(&text);
    let file = lab.folder().join("emea.secret");
    std::fs::write(&file, "the-key-that-was-revoked\n").unwrap();
    let daemon = lab.call(&["run"]).quiet().start();
    until_count(
        &lab,
        "select count(*) from lmp_billing.sync_runs where job = 'refresh' and outcome = 'failed'",
        1,
    )
    .await;
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 0);
    // No hammering: the polls after the first denial were logged, not sent. Two may have been under way at once.
    let most = "select max(sent) from (select count(requested_at) as sent from lmp_billing.cycle_polls group by run_id) r";
    assert!(lab.count(most).await <= 2);
    let received = i64::try_from(lab.handle().received()).unwrap();
    let sent = lab.count("select count(*) from lmp_billing.cycle_polls where requested_at is not null").await;
    // Others of the run that is under way are logged a little later.
    assert!(received <= sent + 2, "{received} requests, and {sent} polls are logged as sent");
    std::fs::write(&file, format!("{SECRET_KEY}\n")).unwrap();
    until_count(
        &lab,
        "select count(*) from lmp_billing.sync_runs where job = 'refresh' and outcome = 'succeeded'",
        1,
    )
    .await;
    assert!(lab.count("select count(*) from lmp_billing.reports").await > 0);
    // And back: it is read for each run, not only until one works.
    std::fs::write(&file, "the-key-that-was-revoked\n").unwrap();
    let failed = "select count(*) from lmp_billing.sync_runs where job = 'refresh' and outcome = 'failed'";
    until_count(&lab, failed, lab.count(failed).await + 1).await;
    daemon.signal(Signal::TERM);
    let ended = daemon.ended().await.with_code(0);
    assert!(!ended.stderr.contains("revoked") && !ended.stderr.contains(SECRET_KEY));
}
