//! The database restarts, the upstream is away: the daemon goes on by itself.

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lmp_billing_sync::simulator::{Fault, FaultRule};
use rustix::process::Signal;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use super::{NEVER, settings, until_count};
use crate::cli::lab::CommandLab;
use crate::support::dir::data_dir;
use crate::support::http::ask;
use crate::support::wait::until_async;

const EVERY_SECOND: &str = "refresh = '* * * * * *'";

/// A server that can be stopped and started again, in the settings of a daemon that serves its endpoints.
async fn own_server(lab: &CommandLab) -> (EmbeddedPostgres, EmbeddedOptions, TempDir) {
    let folder = data_dir();
    let options = EmbeddedOptions::for_tests(folder.path());
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    let own = format!("url = '{}'", server.url().expose_secret());
    let settings = settings(lab, &["emea"], NEVER).replace(&format!("url = '{}'", lab.db.url()), &own);
    lab.write_settings(&settings.replace("listen = ''", "listen = '127.0.0.1:0'"));
    (server, options, folder)
}

#[tokio::test]
async fn an_outage_of_the_upstream_fails_runs_and_ends_by_itself() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::Status { code: 503, retry_after: None }));
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", EVERY_SECOND);
    lab.write_settings(&settings(&lab, &["emea"], &schedule));
    let daemon = lab.call(&["run"]).start();
    until_count(
        &lab,
        "select count(*) from lmp_billing.sync_runs where outcome = 'failed' and job = 'refresh'",
        2,
    )
    .await;
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 0);
    lab.handle().clear_faults();
    until_count(
        &lab,
        "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded' and job = 'refresh'",
        1,
    )
    .await;
    assert!(lab.count("select count(*) from lmp_billing.reports").await > 0);
    daemon.stops().await;
}

#[tokio::test]
async fn a_first_sync_that_brought_nothing_is_done_again_when_the_daemon_is_started_again() {
    const STARTUPS: &str =
        "select count(*) from lmp_billing.sync_runs where trigger = 'startup' and outcome = ";
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::Status { code: 401, retry_after: None }));
    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    let mut daemon = lab.call(&["run"]).start();
    daemon.stderr.until("reconcile failed").await;
    // It is not hammered.
    daemon.signal(Signal::HUP);
    daemon.stderr.until("loaded the settings anew").await;
    daemon.stderr.until("reconcile failed").await;
    daemon.stops().await;
    let count = async |outcome: &str| {
        let query = sqlx::AssertSqlSafe(format!("{STARTUPS}'{outcome}'"));
        sqlx::query_scalar::<_, i64>(query).fetch_one(lab.pool()).await.unwrap()
    };
    assert_eq!(count("failed").await, 2, "once at the start, once at the reload, and then left alone");
    lab.handle().clear_faults();
    let mut daemon = lab.call(&["run"]).start();
    daemon.stderr.until("reconcile succeeded").await;
    daemon.stops().await;
    assert_eq!((count("failed").await, count("succeeded").await), (2, 1));
    assert_eq!(
        // In its first night a month has no reports yet, and nothing to apply.
        lab.count("select count(distinct cycle) from lmp_billing.cycle_polls where outcome in ('applied', 'unchanged')")
            .await,
        25
    );
}

#[tokio::test]
async fn a_restart_of_the_database_is_survived_and_the_jobs_go_on() {
    let lab = CommandLab::new().await;
    let folder = data_dir();
    let options = EmbeddedOptions::for_tests(folder.path());
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    let url = server.url();
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", EVERY_SECOND);
    let own = format!("url = '{}'", url.expose_secret());
    lab.write_settings(
        &settings(&lab, &["emea"], &schedule).replace(&format!("url = '{}'", lab.db.url()), &own),
    );
    let daemon = lab.call(&["run"]).start();
    let succeeded = async || {
        let mut connection = PgConnection::connect(url.expose_secret()).await.ok()?;
        sqlx::query_scalar::<_, i64>("select count(*) from lmp_billing.sync_runs where outcome = 'succeeded'")
            .fetch_one(&mut connection)
            .await
            .ok()
    };
    until_async("some runs succeed", async || succeeded().await > Some(2)).await;
    server.stop().await;
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    assert_eq!(server.url().expose_secret(), url.expose_secret(), "it comes back at the same address");
    let before = succeeded().await;
    until_async("runs succeed again", async || succeeded().await > before.map(|count| count + 2)).await;
    daemon.stops().await;
    server.stop().await;
}

#[tokio::test]
async fn it_waits_for_a_database_that_is_not_there_yet() {
    let lab = CommandLab::new().await;
    let (server, options, _folder) = own_server(&lab).await;
    server.stop().await;
    let mut daemon = lab.call(&["run"]).start();
    let address = daemon.address().await;
    daemon.stderr.until("trying again").await;
    // Who watches over it must not take it for dead: no restart would bring the database.
    assert_eq!(ask(address, "GET", "/healthz").await.status, 200);
    let ready = ask(address, "GET", "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("\"ready\":false") && ready.body.contains("cannot reach"), "{}", ready.body);
    let page = ask(address, "GET", "/").await;
    assert_eq!(page.status, 503);
    assert!(page.body.starts_with("waiting for the database: cannot reach"), "{}", page.body);
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    daemon.stderr.until("reconcile succeeded").await;
    assert_eq!(ask(address, "GET", "/readyz").await.status, 200);
    daemon.stops().await;
    server.stop().await;
}

#[tokio::test]
async fn it_ends_with_the_private_server_that_another_process_ran_and_the_next_one_runs_its_own() {
    let lab = CommandLab::new().await;
    let folder = data_dir();
    let server = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(folder.path())).await.unwrap();
    let settings = settings(&lab, &["emea"], NEVER);
    let url = format!("[database]\nurl = '{}'", lab.db.url());
    assert!(settings.contains(&url), "{settings}");
    let private = format!("data_dir = '{}'\n[database]\nembedded = true", folder.path().display());
    lab.write_settings(&settings.replace(&url, &private));
    let mut daemon = lab.call(&["run"]).start();
    daemon.stderr.until("reconcile succeeded").await;
    server.stop().await;
    daemon.ended().await.with_code(1).complains(&["private PostgreSQL server has ended"]);
    let mut daemon = lab.call(&["run"]).start();
    daemon.stderr.until("started").await;
    daemon.stops().await;
}

#[tokio::test]
async fn between_ticks_who_asks_how_it_is_makes_it_tell_the_log_once_that_the_database_is_away() {
    let lab = CommandLab::new().await;
    let (server, options, _folder) = own_server(&lab).await;
    let mut daemon = lab.call(&["run"]).start();
    let address = daemon.address().await;
    daemon.stderr.until("reconcile succeeded").await;
    assert_eq!(ask(address, "GET", "/readyz").await.status, 200);

    server.stop().await;
    for path in ["/readyz", "/metrics", "/"] {
        // What was seen is kept for a moment.
        until_async("it sees that the database is away", async || {
            let answer = ask(address, "GET", path).await;
            answer.status == 503 || answer.body.contains("cannot reach") || answer.body.contains("_up 0")
        })
        .await;
    }
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    until_async("it is ready again", async || ask(address, "GET", "/readyz").await.status == 200).await;
    until_async("the page is whole again", async || ask(address, "GET", "/").await.status == 200).await;
    let told = daemon.stderr.until("how everything stands can be seen again").await;
    for what in ["how everything stands", "whether jobs are run in time"] {
        assert_eq!(told.matches(&format!("cannot see {what}")).count(), 1, "{told}");
        assert_eq!(told.matches(&format!("{what} can be seen again")).count(), 1, "{told}");
    }
    daemon.stops().await;
    server.stop().await;
}
