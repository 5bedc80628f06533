//! `migrate` as the owner of everything, and as somebody who may do little.
//!
//! Roles belong to a whole server, so what is about them runs on a server of its own.

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use tempfile::TempDir;

use super::lab::CommandLab;
use super::process::Call;
use crate::support::dir::data_dir;

#[tokio::test]
async fn migrating_twice_does_nothing_the_second_time() {
    let lab = CommandLab::new().await;
    sqlx::query("drop schema lmp_billing cascade").execute(lab.pool()).await.unwrap();
    lab.succeeds(&["migrate"]).await.says(&["The schema is now at version", "(was 0)"]);
    lab.succeeds(&["migrate"]).await.says(&["The schema is up to date"]);
}

#[tokio::test]
async fn migrate_needs_no_account() {
    let lab = CommandLab::new().await;
    lab.write_settings(&lab.head());
    lab.succeeds(&["migrate"]).await;
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let lab = CommandLab::new().await;
    let newer =
        "insert into lmp_billing._sqlx_migrations select 9000, description, installed_on, success, checksum,
                 execution_time from lmp_billing._sqlx_migrations where version = 1";
    sqlx::query(newer).execute(lab.pool()).await.unwrap();
    for command in ["migrate", "sync", "status"] {
        lab.call(&[command]).ends_with(1).await.complains(&["9000", "a newer program has been here"]);
    }
}

/// A server on which nobody has been yet, and a user `clerk` who may only connect.
struct Virgin {
    server: EmbeddedPostgres,
    folder: TempDir,
}

impl Virgin {
    async fn new() -> Self {
        let folder = data_dir();
        let server = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(folder.path())).await.unwrap();
        let virgin = Self { server, folder };
        virgin.as_dba("create role clerk login password 'clerks-word'").await;
        virgin
    }

    fn url(&self) -> url::Url {
        url::Url::parse(self.server.url().expose_secret()).unwrap()
    }

    async fn dba(&self) -> PgConnection {
        self.url().as_str().parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
    }

    /// Runs statements as the database's administrator.
    async fn as_dba(&self, statements: &str) {
        let run = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut self.dba().await).await;
        run.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    async fn holds(&self, question: &'static str) -> bool {
        sqlx::query_scalar(question).fetch_one(&mut self.dba().await).await.unwrap()
    }

    /// `migrate` as the clerk.
    fn migrate(&self) -> Call {
        let mut url = self.url();
        url.set_username("clerk").unwrap();
        url.set_password(Some("clerks-word")).unwrap();
        Call::new(&["migrate"], self.folder.path()).set("database.url", url.as_str())
    }
}

const READER_MAY_READ: &str =
    "select has_table_privilege('lmp_billing_reader', 'lmp_billing.reports', 'select')";

#[tokio::test]
async fn who_may_not_create_the_schema_gets_the_statements_and_goes_on_once_they_were_run() {
    let virgin = Virgin::new().await;
    let ended = virgin.migrate().ends_with(1).await;
    let ended = ended.complains(&["ask the database's administrator", "then try again"]);
    let statements: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("    ")).collect();
    assert_eq!(statements.len(), 2, "{}", ended.stderr);
    assert!(!virgin.holds("select to_regnamespace('lmp_billing') is not null").await);

    virgin.as_dba(&statements.join("\n")).await;
    virgin.migrate().ends_with(0).await.says(&["The schema is now at version"]);
    assert!(virgin.holds(READER_MAY_READ).await);
    virgin.migrate().ends_with(0).await.says(&["The schema is up to date"]);
}

#[tokio::test]
async fn who_may_create_the_schema_but_no_role_goes_on_without_readers() {
    let virgin = Virgin::new().await;
    virgin.as_dba("grant create on database lmp_billing to clerk").await;
    let ended = virgin.migrate().ends_with(0).await;
    let ended = ended.says(&[
        "The schema is now at version",
        "may not create the role",
        "create role lmp_billing_reader",
    ]);

    let (_, statements) = ended.stdout.split_once("to run:\n").unwrap();
    virgin.as_dba(statements).await;
    assert!(virgin.holds(READER_MAY_READ).await);
    let again = virgin.migrate().ends_with(0).await;
    assert!(!again.stdout.contains("create role"), "{}", again.stdout);
}

#[tokio::test]
async fn a_name_that_needs_quotes_is_quoted_for_the_administrator() {
    let virgin = Virgin::new().await;
    virgin.as_dba("alter role clerk rename to \"odd \"\"clerk\"; alter role \"odd \"\"clerk\" password 'clerks-word'").await;
    let mut url = virgin.url();
    url.set_username("odd \"clerk").unwrap();
    url.set_password(Some("clerks-word")).unwrap();
    let ended = virgin.migrate().set("database.url", url.as_str()).ends_with(1).await;
    ended.complains(&["create schema lmp_billing authorization \"odd \"\"clerk\""]);
}
