//! The three roles of `docs/OPERATIONS.md`: each does its work with what it is granted there, and no more.
//!
//! Roles belong to a whole server, so this runs on a server of its own, with the very statements of the document.

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use rustix::process::Signal;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::cli::lab::{CommandLab, months_ago, report, token};
use crate::cli::process::Call;
use crate::support::dir::data_dir;
use crate::support::wait::until_async;

const OPERATIONS: &str = include_str!("../../../docs/OPERATIONS.md");

const MIGRATE: (&str, &str) = ("lmp_migrate", "a long one");
const SYNC: (&str, &str) = ("lmp_sync", "another");
const READER: (&str, &str) = ("ana", "a third");

/// Something is always due.
const BUSY: &str = "[http]\nlisten = ''\n[schedule]\ndiscover = '*/3 * * * * *'\nrefresh = '* * * * * *'\n\
                    reconcile = '*/5 * * * * *'\nprune = '*/2 * * * * *'\n";

/// As old as can be, in every table that is pruned.
const OLD: &str = "
    insert into lmp_billing.reports (account, id, cycle, partner_company_name, start_date, end_date, status, version,
        valid_from, status_since, first_seen_at, poll_id)
    select 'emea', md5(n::text)::uuid, '2001-01-01', 'Old', '2001-01-01', '2001-01-31', 'Completed', 2, now(), now(), now(), 0
    from generate_series(1, 10) n;
    insert into lmp_billing.superseded_versions (account, id, version, valid_from, valid_to, cycle, partner_company_name,
        start_date, end_date, status, status_since, poll_id, next_valid_from)
    -- one of them reached into our days once
    select account, id, 1, '2001-02-01', '2001-02-02', cycle, 'Old', start_date,
           case when id = md5('1')::uuid then current_date else end_date end, 'Approved', '2001-02-01', 0, '2001-02-02'
    from lmp_billing.reports where partner_company_name = 'Old';
    insert into lmp_billing.sync_runs (job, trigger, account, started_at, finished_at, outcome, instance, lease_renewed_at)
    values ('refresh', 'schedule', 'emea', '2001-01-01', '2001-01-01', 'succeeded', 'old', '2001-01-01');
    insert into lmp_billing.cycle_polls (id, run_id, account, cycle, finished_at, outcome, attempts, program_version)
    values (-1, 0, 'emea', '2001-01-01', '2001-01-01', 'failed', 1, '0');
    insert into lmp_billing.schedule_ticks (account, job, due_at, attempt, claimed_by, claimed_at)
    values ('emea', 'refresh', '2001-01-01', 1, 'old', '2001-01-01');
    insert into lmp_billing.quarantined_reports (poll_id, account, cycle, position, reason, detail, payload, payload_sha256,
        first_seen_at, resolved_at)
    values (0, 'emea', '2001-01-01', 0, 'old', 'old', 'old', 'old', '2001-01-01', '2001-01-01')";

const OLD_ROWS: &str = "
    select (select count(*) from lmp_billing.reports where partner_company_name = 'Old')
         + (select count(*) from lmp_billing.superseded_versions where partner_company_name = 'Old')
         + (select count(*) from lmp_billing.sync_runs where instance = 'old')
         + (select count(*) from lmp_billing.cycle_polls where id = -1)
         + (select count(*) from lmp_billing.schedule_ticks where claimed_by = 'old')
         + (select count(*) from lmp_billing.quarantined_reports where reason = 'old')";

struct Roles {
    server: EmbeddedPostgres,
    _folder: TempDir,
    lab: CommandLab,
}

impl Roles {
    /// After the statements of the document, and a migration by the role that is for it.
    async fn new() -> Self {
        let folder = data_dir();
        let server = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(folder.path())).await.unwrap();
        let roles = Self { server, _folder: folder, lab: CommandLab::new().await };
        for back in 0..=24 {
            roles.lab.handle().replace_entries(&token("emea"), months_ago(back), Vec::new());
        }
        roles.as_dba("revoke temporary on database lmp_billing from public").await;
        roles.as_dba(&documented()).await;
        roles.call(MIGRATE, &["migrate"]).ends_with(0).await.says(&["The schema is now at version"]);
        roles
    }

    fn url(&self, (user, password): (&str, &str)) -> String {
        let mut url = url::Url::parse(self.server.url().expose_secret()).unwrap();
        url.set_username(user).unwrap();
        url.set_password(Some(password)).unwrap();
        url.into()
    }

    /// The program as one of the roles.
    fn call(&self, role: (&str, &str), args: &[&str]) -> Call {
        let migrate = if role == MIGRATE { "true" } else { "false" };
        self.lab.call(args).set("database.url", &self.url(role)).set("database.migrate", migrate)
    }

    async fn connect(&self, role: (&str, &str)) -> PgConnection {
        PgConnection::connect(&self.url(role)).await.unwrap()
    }

    async fn dba(&self) -> PgConnection {
        PgConnection::connect(self.server.url().expose_secret()).await.unwrap()
    }

    async fn as_dba(&self, statements: &str) {
        let ran = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut self.dba().await).await;
        ran.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.dba().await).await.expect(query)
    }

    async fn until_count(&self, query: &'static str, wanted: i64) {
        until_async(query, async || self.count(query).await == wanted).await;
    }

    /// Each of these is refused for want of a right, and changes nothing.
    async fn refuses(&self, role: (&str, &str), statements: &[String]) {
        let mut connection = self.connect(role).await;
        for statement in statements {
            let ran = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connection).await;
            let error = ran.err().unwrap_or_else(|| panic!("{} may: {statement}", role.0));
            let code = error.as_database_error().and_then(|e| e.code().map(|code| code.to_string()));
            assert_eq!(code.as_deref(), Some("42501"), "{}: {statement}: {error}", role.0);
        }
    }

    /// A world with something in every table: reports, a version, a withdrawn one, an entry in quarantine.
    async fn fill(&self) {
        let cycle = months_ago(1);
        let three = |status| (1..=3).map(|id| report(id, "Partner", cycle, status)).collect::<Vec<_>>();
        self.lab.serve(cycle, three("Under Review"));
        self.call(SYNC, &["sync"]).ends_with(0).await;
        self.lab.serve(cycle, three("Approved").split_off(1));
        self.call(SYNC, &["sync"]).ends_with(0).await;
        let bad = r#"{"id":"00000000-0000-4000-8000-000000000009"}"#.to_owned();
        let good = |id: u8| {
            let id = uuid::Uuid::from_bytes([id; 16]);
            let (first, last) = (cycle.first_day(), cycle.last_day());
            format!(
                r#"{{"id":"{id}","partner_company_name":"Partner","start_date":"{first}","end_date":"{last}","status":"Brand New","under_review_status":null}}"#
            )
        };
        self.lab.handle().replace_entries(&token("emea"), cycle, vec![good(2), good(3), bad]);
        self.call(SYNC, &["sync"]).ends_with(0).await;
    }
}

/// The statements of the document, for this server's database.
fn documented() -> String {
    let (_, section) = OPERATIONS.split_once("\n## Three roles\n").expect("the section is there");
    let (_, block) = section.split_once("```sql\n").expect("it has statements");
    let (block, _) = block.split_once("```").expect("they end");
    assert!(block.contains("on database finance"), "{block}");
    block.replace("on database finance", "on database lmp_billing")
}

fn each(statements: &[&str]) -> Vec<String> {
    statements.iter().map(|&statement| statement.to_owned()).collect()
}

/// Every table of the schema.
const TABLES: [&str; 9] = [
    "reports",
    "superseded_versions",
    "report_statuses",
    "cycle_polls",
    "sync_runs",
    "schedule_ticks",
    "schedule_baselines",
    "quarantined_reports",
    "_sqlx_migrations",
];

#[tokio::test]
async fn the_role_for_syncing_does_all_that_a_daemon_and_commands_do() {
    let roles = Roles::new().await;
    roles.lab.write_settings(&format!("{}{BUSY}{}", roles.lab.head(), roles.lab.account("emea")));
    let daemon = roles.call(SYNC, &["run"]).quiet().start();
    roles.until_count("select count(*) from lmp_billing.schedule_ticks where due_at = '-infinity' and run_id is not null", 1).await;
    roles.fill().await;
    roles.until_count("select count(*) from lmp_billing.report_history where status = 'Approved'", 2).await;
    roles.until_count("select count(*) from lmp_billing.reports where withdrawn_at is not null and partner_company_name = 'Partner'", 1).await;
    roles
        .until_count("select count(*) from lmp_billing.quarantined_reports where resolved_at is null", 1)
        .await;
    roles.until_count("select count(*) from lmp_billing.report_statuses where lmp_code is null", 1).await;

    roles.as_dba(OLD).await;
    roles.until_count(OLD_ROWS, 0).await;
    let id = uuid::Uuid::from_bytes([2; 16]).to_string();
    for args in [
        &["sync"] as &[&str],
        &["status"],
        &["history", &id],
        &["prune"],
        &["prune", "--dry-run"],
        &["check"],
    ] {
        roles.call(SYNC, args).ends_with(0).await;
    }
    let backup = "do $$ declare each regclass; begin
        for each in select oid from pg_class where relnamespace = 'lmp_billing'::regnamespace and relkind in ('r', 'S') loop
            execute format('table %s', each);
        end loop; end $$";
    sqlx::raw_sql(backup)
        .execute(&mut roles.connect(SYNC).await)
        .await
        .expect("it may read all that pg_dump does");
    daemon.signal(Signal::TERM);
    let ended = daemon.ended().await.with_code(0);
    assert!(!ended.stderr.contains("42501"), "{}", ended.stderr);
    let unwell =
        "select count(*) from lmp_billing.sync_runs where outcome not in ('succeeded', 'interrupted')";
    assert_eq!(roles.count(unwell).await, 0);
}

#[tokio::test]
async fn the_role_for_syncing_may_not_drop_empty_rewrite_or_delete_what_is_young() {
    let roles = Roles::new().await;
    roles.fill().await;
    roles
        .as_dba(
            "insert into lmp_billing.schedule_ticks (account, job, due_at, attempt, claimed_by, claimed_at)
             values ('emea', 'refresh', now(), 1, 'x', now()), ('emea', 'reconcile', '-infinity', 1, 'x', now())",
        )
        .await;
    let before = "select count(*) from lmp_billing.report_history";
    let versions = roles.count(before).await;
    assert_eq!(versions, 7);
    let mut forbidden = each(&[
        "drop schema lmp_billing cascade",
        "alter schema lmp_billing rename to mine",
        "create table lmp_billing.mine ()",
        "drop view lmp_billing.current_reports cascade",
        "drop function lmp_billing.refuse_deletion() cascade",
        "drop trigger guard on lmp_billing.reports",
        "alter table lmp_billing.reports disable trigger all",
        "create or replace function lmp_billing.kept_at_least() returns interval language sql as 'select interval ''0'''",
        "set session_replication_role = replica",
        "set role lmp_migrate",
        "create role another",
        "insert into lmp_billing._sqlx_migrations select 9000, description, installed_on, success, checksum, 0
         from lmp_billing._sqlx_migrations",
        // Versions and polls are what they were.
        "update lmp_billing.superseded_versions set status = 'Completed'",
        "update lmp_billing.cycle_polls set outcome = 'applied'",
        "update lmp_billing.report_statuses set is_final = true",
        // However it is said.
        "set lmp_billing.pruning = 'on'; delete from lmp_billing.reports",
        "delete from lmp_billing.reports where withdrawn_at is null",
        "delete from lmp_billing.schedule_ticks where due_at = '-infinity'",
        "with gone as (delete from lmp_billing.superseded_versions returning 1) select count(*) from gone",
    ]);
    for table in TABLES {
        for verb in ["drop table", "truncate", "delete from"] {
            let cascade = if verb == "delete from" { "" } else { " cascade" };
            forbidden.push(format!("{verb} lmp_billing.{table}{cascade}"));
        }
        forbidden.push(format!("alter table lmp_billing.{table} add mine int"));
    }
    roles.refuses(SYNC, &forbidden).await;
    assert_eq!(roles.count(before).await, versions);

    // The owner goes on deleting by hand.
    let mut owner = roles.connect(MIGRATE).await;
    let gone = sqlx::query("delete from lmp_billing.reports").execute(&mut owner).await.unwrap();
    assert_eq!(gone.rows_affected(), 3);
    // What is left of them is kept as versions, and from the other role too.
    roles
        .refuses(SYNC, &each(&["delete from lmp_billing.superseded_versions where next_valid_from is null"]))
        .await;
}

#[tokio::test]
async fn with_shorter_retention_the_guard_refuses_and_check_says_so_until_the_owner_moves_it() {
    let roles = Roles::new().await;
    roles.lab.write_settings(&format!(
        "{}[retention]\nmonths = 12\n{}",
        roles.lab.head(),
        roles.lab.account("emea")
    ));
    roles.as_dba(&OLD.replace("'2001-01-31'", "(current_date - interval '18 months')::date")).await;
    let ended = roles.call(SYNC, &["prune"]).ends_with(1).await;
    ended.complains(&["lmp_sync may not delete from lmp_billing.reports what is younger than 2 years"]);
    let left = "select count(*) from lmp_billing.reports where partner_company_name = 'Old'";
    assert_eq!(roles.count(left).await, 10);
    let told = roles.call(SYNC, &["check"]).ends_with(1).await;
    told.says(&["FAIL  retention", "retention.months = 12", "lmp_billing.kept_at_least()"]);
    // The owner may delete what it likes.
    let owner = roles.call(MIGRATE, &["check"]).ended().await;
    assert!(!owner.stdout.contains("retention"), "{}", owner.stdout);

    let (_, statement) =
        OPERATIONS.split_once("`create or replace function\n").expect("the statement is there");
    let (statement, _) = statement.split_once('`').expect("it ends");
    let mut owner = roles.connect(MIGRATE).await;
    let statement = format!("create or replace function {statement}");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.unwrap();
    roles.call(SYNC, &["check"]).ends_with(0).await;
    roles.call(SYNC, &["prune"]).ends_with(0).await;
    assert_eq!(roles.count(left).await, 0);
}

#[tokio::test]
async fn the_role_for_migrating_may_do_nothing_outside_the_schema() {
    let roles = Roles::new().await;
    roles.call(MIGRATE, &["migrate"]).ends_with(0).await.says(&["The schema is up to date"]);
    roles.as_dba("create schema other; create table other.things (x int)").await;
    roles
        .refuses(
            MIGRATE,
            &each(&[
                "create schema mine",
                "select * from other.things",
                "create table other.mine ()",
                "create role another",
                "alter role lmp_billing_reader login",
                "alter role lmp_sync superuser",
                "grant lmp_billing_sync to lmp_migrate",
                "create database mine",
                "alter system set fsync = off",
                "copy (select 1) to '/tmp/mine'",
            ]),
        )
        .await;
}

#[tokio::test]
async fn the_role_for_reading_reads_and_may_do_nothing_else() {
    let roles = Roles::new().await;
    roles.fill().await;
    roles.as_dba(OLD).await;
    let mut reader = roles.connect(READER).await;
    let seen: i64 = sqlx::query_scalar("select count(*) from lmp_billing.current_reports")
        .fetch_one(&mut reader)
        .await
        .unwrap();
    assert_eq!(seen, 12);
    let mut forbidden = each(&[
        "select nextval('lmp_billing.poll_ids')",
        "create table lmp_billing.mine ()",
        "create temporary table mine ()",
        "set role lmp_sync",
        // Not even what is old.
        "delete from lmp_billing.reports where partner_company_name = 'Old'",
    ]);
    for table in TABLES {
        forbidden.extend(
            ["drop table", "truncate", "delete from"].map(|verb| format!("{verb} lmp_billing.{table}")),
        );
    }
    roles.refuses(READER, &forbidden).await;
}
