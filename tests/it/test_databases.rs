//! The tests' own footing: a database each, cloned from one template, and nothing left behind.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

use crate::support::db::TestDb;
use crate::support::dir::data_dir;
use crate::support::wait::until;

const RUN: &str = "LMP_TEST_CHILD";

#[tokio::test]
async fn every_test_has_a_database_of_its_own_which_goes_with_it() {
    let (one, other) = (TestDb::new().await, TestDb::new().await);
    sqlx::query("create table mine ()").execute(one.pool()).await.unwrap();
    let count = "select count(*) from pg_class where relname = 'mine'";
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(one.pool()).await.unwrap(), 1);
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(other.pool()).await.unwrap(), 0);

    // Goes even while somebody is connected.
    let url = one.url().to_owned();
    let _still_connected = PgConnection::connect(&url).await.unwrap();
    drop(one);
    let gone = PgConnection::connect(&url).await.unwrap_err().to_string();
    assert!(gone.contains("does not exist"), "{gone}");
}

/// Several threads, each with a runtime of its own, as `cargo test` has them.
#[test]
fn the_server_does_not_go_with_the_first_runtime() {
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let db = TestDb::new().await;
            sqlx::query("select 1").execute(db.pool()).await.unwrap();
        });
    }
}

#[tokio::test]
async fn processes_that_share_a_server_share_the_template() {
    // A server of its own, so that they all find it without a template.
    let dir = data_dir();
    let server = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(dir.path())).await.unwrap();
    let url = server.url();
    let spawn =
        |_| child("a_process_that_clones", |command| command.env("TEST_DATABASE_URL", url.expose_secret()));
    let children: Vec<Child> = (0..4).map(spawn).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }

    let mut connection = PgConnection::connect(url.expose_secret()).await.unwrap();
    let left: Vec<String> =
        sqlx::query_scalar("select datname from pg_database where datname like 'lmp_test%'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("lmp_test_template_"), "{left:?}");
}

#[test]
#[ignore = "started by other tests as a process of its own"]
fn a_process_that_clones() {
    if std::env::var_os(RUN).is_some() {
        the_server_does_not_go_with_the_first_runtime();
    }
}

#[tokio::test]
async fn the_private_server_and_its_folder_go_with_a_killed_test_process() {
    let mut child = child("a_process_that_serves", |command| {
        command.env_remove("TEST_DATABASE_URL").env_remove("TEST_DATABASE").stdout(Stdio::piped())
    });
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let said =
        stdout.lines().map_while(Result::ok).find_map(|line| Some(line.split_once("serves: ")?.1.to_owned()));
    let data_directory = PathBuf::from(said.expect("the child says where its data is"));
    assert!(data_directory.join("postmaster.pid").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    // The folder of the tests, two above the data.
    let folder = data_directory.parent().unwrap().parent().unwrap();
    until("the folder goes", || !folder.exists()).await;
}

#[tokio::test]
#[ignore = "started by other tests as a process of its own"]
async fn a_process_that_serves() {
    if std::env::var_os(RUN).is_none() {
        return;
    }
    let db = TestDb::new().await;
    let data_directory: String =
        sqlx::query_scalar("select current_setting('data_directory')").fetch_one(db.pool()).await.unwrap();
    println!("serves: {data_directory}");
    std::future::pending::<()>().await;
}

/// This test binary once more, running one "test" only.
fn child(test: &str, set_up: impl FnOnce(&mut Command) -> &mut Command) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("test_databases::{test}"), "--ignored", "--nocapture"])
        .env(RUN, "1")
        .stdout(Stdio::null());
    set_up(&mut command).spawn().unwrap()
}
