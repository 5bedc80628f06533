//! The template database: migrated once, then cloned for every test in some ten milliseconds.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::sync::OnceCell;

use super::{migrate_template, server};

/// Held while the template is looked for and made: several processes may share a server.
const LOCK: i64 = 0x006c_6d70_7465_7374;

/// The template's name; makes the template where it is missing.
pub(super) async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = name_for(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").as_path());
            ensure(server::admin().await, &name).await;
            name
        })
        .await
}

/// A server may outlive many runs and serve several branches, so every state of the migrations has
/// its own template.
fn name_for(migrations: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(migrations)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|file| file.path())
        .collect();
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let content = fs::read(&file).expect("a migration can be read");
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        for part in [name, &content] {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
    }
    let digest = digest.finalize();
    let short = digest.first_chunk().copied().map(u64::from_be_bytes).expect("a digest has eight bytes");
    format!("lmp_test_template_{short:016x}")
}

/// Makes the template unless it is there and complete, which being marked as a template says.
async fn ensure(admin: &PgConnectOptions, name: &str) {
    let mut connection = admin.connect().await.expect("the test server takes connections");
    sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await.expect("lock");
    let complete: Option<bool> =
        sqlx::query_scalar("select datistemplate from pg_database where datname = $1")
            .bind(name)
            .fetch_optional(&mut connection)
            .await
            .expect("databases can be listed");
    if complete != Some(true) {
        execute(&mut connection, format!("drop database if exists {name} with (force)")).await;
        execute(&mut connection, format!("create database {name}")).await;
        migrate_template(admin.clone().database(name).to_url_lossy().as_str()).await;
        execute(&mut connection, format!("alter database {name} with is_template true")).await;
    }
    // Ends the lock with it.
    connection.close().await.expect("the connection can be closed");
}

/// Runs a statement whose names are made up here.
pub(super) async fn execute(connection: &mut PgConnection, statement: String) {
    if let Err(error) = sqlx::query(AssertSqlSafe(statement.clone())).execute(connection).await {
        panic!("{statement}: {error}");
    }
}

#[tokio::test]
async fn a_half_made_template_is_made_again_and_a_complete_one_is_kept() {
    let admin = server::admin().await;
    let name = format!("lmp_test_half_made_{}", std::process::id());
    let exists = "select exists (select from pg_class where relname = 'leftover')";
    let mut connection = admin.connect().await.unwrap();
    execute(&mut connection, format!("create database {name}")).await;
    let mut half_made = admin.clone().database(&name).connect().await.unwrap();
    execute(&mut half_made, "create table leftover ()".to_owned()).await;

    ensure(admin, &name).await;
    let mut made = admin.clone().database(&name).connect().await.unwrap();
    assert!(!sqlx::query_scalar::<_, bool>(exists).fetch_one(&mut made).await.unwrap());

    execute(&mut made, "create table leftover ()".to_owned()).await;
    ensure(admin, &name).await;
    assert!(sqlx::query_scalar::<_, bool>(exists).fetch_one(&mut made).await.unwrap());

    execute(&mut connection, format!("alter database {name} with is_template false")).await;
    execute(&mut connection, format!("drop database {name} with (force)")).await;
}

#[test]
fn every_state_of_the_migrations_has_a_name_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let none = name_for(dir.path());
    fs::write(dir.path().join("0001_a.sql"), "select 1").unwrap();
    let one = name_for(dir.path());
    fs::write(dir.path().join("0001_a.sql"), "select 2").unwrap();
    let changed = name_for(dir.path());
    fs::rename(dir.path().join("0001_a.sql"), dir.path().join("0002_a.sql")).unwrap();
    let renamed = name_for(dir.path());
    let names = BTreeSet::from([none, one, changed, renamed]);
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| name.len() < 64));
}
