//! The database: each thing that can be wrong with one, brought about on a server of the test's own.

use std::fs;

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lmp_billing_sync::simulator::{BadEntry, Fault, FaultRule};
use lmp_billing_sync::store::Store;
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use super::super::lab::{CommandLab, months_ago, report};
use super::super::process::Ended;
use crate::support::authority::Authority;
use crate::support::dir::data_dir;
use crate::support::wait::until_async;

struct Own {
    lab: CommandLab,
    server: EmbeddedPostgres,
    folder: TempDir,
    pool: PgPool,
}

impl Own {
    async fn new() -> Self {
        let folder = data_dir();
        let server = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(folder.path())).await.unwrap();
        let store = Store::connect(&server.url(), 1).await.unwrap();
        store.migrate().await.unwrap();
        store.close().await;
        let pool = PgPool::connect(server.url().expose_secret()).await.unwrap();
        Self { lab: CommandLab::new().await, server, folder, pool }
    }

    async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&self.pool)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Its URL for another user, or with another part changed.
    fn url(&self, change: impl FnOnce(&mut url::Url)) -> String {
        let mut url = url::Url::parse(self.server.url().expose_secret()).unwrap();
        change(&mut url);
        url.into()
    }

    fn url_of(&self, user: &str) -> String {
        self.url(|url| {
            url.set_username(user).unwrap();
            url.set_password(Some("word")).unwrap();
        })
    }

    async fn check(&self, url: &str, code: i32) -> Ended {
        self.lab.call(&["check"]).set("database.url", url).ends_with(code).await
    }
}

/// What `rights` says is needed, and so what is granted here.
const GRANTS: &str = "grant usage on schema lmp_billing to clerk;
    grant select on all tables in schema lmp_billing to clerk;
    grant insert on lmp_billing.report_statuses to clerk;
    grant insert, update, delete on lmp_billing.reports, lmp_billing.sync_runs, lmp_billing.quarantined_reports,
        lmp_billing.schedule_ticks to clerk;
    grant insert, delete on lmp_billing.superseded_versions, lmp_billing.cycle_polls to clerk;
    grant insert, update on lmp_billing.schedule_baselines to clerk;
    grant usage on all sequences in schema lmp_billing to clerk";

#[tokio::test]
async fn rights_that_are_missing_are_named_and_those_that_it_asks_for_suffice() {
    let own = Own::new().await;
    own.execute("create role clerk login password 'word'").await;
    let url = own.url_of("clerk");
    own.check(&url, 1).await.says(&["FAIL  schema", "permission denied for schema lmp_billing", "grant it"]);

    own.execute(GRANTS).await;
    let ended = own.check(&url, 0).await;
    let ended = ended.says(&[
        "ok    rights",
        "clerk may read, write and prune",
        "but not migrate",
        "lmp-billing-sync migrate",
    ]);
    assert!(!ended.stdout.contains("warn"), "{}", ended.stdout);
    let call = |args: &[&str]| own.lab.call(args).set("database.url", &url);
    call(&["sync"]).ends_with(0).await;
    // Enough of them to be withdrawn, changed, quarantined and pruned.
    let cycle = months_ago(3);
    own.lab.handle().push_fault(FaultRule::always(Fault::BadEntries(vec![BadEntry::MaskedGuid])));
    own.lab.serve(cycle, vec![report(1, "Acme", cycle, "A status of its own")]);
    call(&["sync", "--cycle", &cycle.to_string(), "--accept-withdrawals"])
        .ends_with(0)
        .await
        .says(&["withdrawn"]);
    call(&["prune"]).set("retention.months", "3").ends_with(0).await.says(&["reports"]);
    call(&["status"]).ends_with(0).await;

    for (revoke, told) in [
        ("delete on lmp_billing.reports", "clerk lacks delete on lmp_billing.reports;"),
        ("update on lmp_billing.sync_runs", "update on lmp_billing.sync_runs"),
        ("select on lmp_billing.current_reports", "select on lmp_billing.current_reports"),
        ("usage on sequence lmp_billing.poll_ids", "usage on lmp_billing.poll_ids"),
    ] {
        own.execute(&format!("revoke {revoke} from clerk")).await;
        own.check(&url, 1).await.says(&["FAIL  rights", told, "have it granted"]);
    }
}

#[tokio::test]
async fn without_temporary_tables_or_with_few_connections_it_is_told() {
    let own = Own::new().await;
    own.execute(&format!("create role clerk login password 'word' connection limit 4; {GRANTS}")).await;
    let url = own.url_of("clerk");
    own.check(&url, 0)
        .await
        .says(&["warn  rights", "clerk may have 4 connection(s), database.max_connections is 5"]);
    own.execute("revoke temporary on database lmp_billing from public").await;
    own.check(&url, 1).await.says(&[
        "FAIL  rights",
        "clerk may not make temporary tables",
        "grant temporary on database",
    ]);
}

#[tokio::test]
async fn a_schema_that_is_missing_and_may_not_be_made_is_a_failure() {
    let own = Own::new().await;
    own.execute("create role clerk login password 'word'; drop schema lmp_billing cascade").await;
    own.check(&own.url_of("clerk"), 1).await.says(&[
        "FAIL  schema",
        "clerk may not create it",
        "`lmp-billing-sync migrate` prints",
    ]);
    own.execute("create schema lmp_billing authorization clerk").await;
    own.check(&own.url_of("clerk"), 0).await.says(&["warn  schema", "`lmp-billing-sync migrate` will do it"]);
}

#[tokio::test]
async fn readers_without_a_role_or_without_its_grants_are_told() {
    let own = Own::new().await;
    let url = own.server.url().expose_secret().to_owned();
    own.execute("revoke select on lmp_billing.open_reports from lmp_billing_reader").await;
    own.check(&url, 0).await.says(&[
        "warn  readers",
        "lmp_billing_reader may not read everything",
        "migrate` grants it",
    ]);
    own.lab.call(&["migrate"]).set("database.url", &url).ends_with(0).await;
    own.check(&url, 0).await.says(&["ok    readers"]);
    own.execute("drop owned by lmp_billing_reader; drop role lmp_billing_reader").await;
    own.check(&url, 0).await.says(&[
        "warn  readers",
        "there is no role lmp_billing_reader",
        "`lmp-billing-sync migrate`",
    ]);
}

#[tokio::test]
async fn a_read_only_database_and_a_foreign_encoding_are_failures() {
    let own = Own::new().await;
    own.execute("create database old encoding 'LATIN1' locale 'C' template template0").await;
    let url = own.url(|url| url.set_path("old"));
    own.check(&url, 1).await.says(&["FAIL  database", "its encoding is LATIN1", "encoding 'UTF8'"]);
    own.execute("alter database lmp_billing set default_transaction_read_only = on").await;
    let url = own.server.url().expose_secret().to_owned();
    own.check(&url, 1).await.says(&["FAIL  database", "read-only standby", "name the primary"]);
}

/// Lets the server speak TLS, with a certificate for the address that is not this machine's by its look.
async fn with_tls(own: &Own) -> std::path::PathBuf {
    let authority = Authority::new();
    authority.certify(ELSEWHERE).give_to_postgres(&own.folder.path().join("postgres/data"));
    own.execute("alter system set ssl = on").await;
    own.execute("select pg_reload_conf()").await;
    let url = own.url(|url| url.set_query(Some("sslmode=require")));
    until_async("it speaks TLS", async || PgConnection::connect(&url).await.is_ok()).await;
    let file = own.folder.path().join("authority.pem");
    fs::write(&file, authority.pem()).unwrap();
    file
}

/// Leads to this machine, but does not say so, as a host's name does not.
const ELSEWHERE: &str = "0.0.0.0";

#[tokio::test]
async fn on_the_way_to_another_machine_missing_encryption_and_missing_proof_are_told() {
    let own = Own::new().await;
    let elsewhere = |query: &str| {
        own.url(|url| {
            url.set_host(Some(ELSEWHERE)).unwrap();
            url.set_query(Some(query));
        })
    };
    let plain = own.check(&elsewhere("sslmode=prefer"), 0).await;
    plain.says(&["warn  encryption", "NOT encrypted (sslmode=prefer)", "sslmode=verify-full"]);
    own.check(&elsewhere("sslmode=require"), 1).await.says(&["FAIL  database", "switch ssl on", "sslmode"]);

    let authority = with_tls(&own).await;
    let unproven = own.check(&elsewhere("sslmode=require"), 0).await;
    unproven.says(&["warn  encryption", "TLSv1.3, but sslmode=require does not make sure who answers"]);
    let proven = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    let proven = own.check(&elsewhere(&proven), 0).await;
    proven.says(&["ok    encryption", "certificate and name are verified"]);
    // With authorities that have not signed it.
    own.check(&elsewhere("sslmode=verify-full"), 1).await.says(&["FAIL  database", "certificate"]);
}

#[tokio::test]
async fn the_private_server_is_started_looked_at_and_left_as_it_was() {
    let lab = CommandLab::new().await;
    let data = data_dir();
    let settings = format!(
        "data_dir = '{}'\n[database]\nembedded = true\n{}",
        data.path().display(),
        lab.account("emea")
    );
    lab.write_settings(&settings);
    let ended = lab.call(&["check"]).ends_with(0).await;
    let ended =
        ended.says(&["ok    database", "the private server at 127.0.0.1", "warn  schema", "not there yet"]);
    assert!(ended.stdout.contains("free for data_dir"), "{}", ended.stdout);
    assert!(!data.path().join("postgres/data/postmaster.pid").exists(), "it is stopped again");
}
