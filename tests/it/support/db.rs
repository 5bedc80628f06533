//! A database for one test alone.

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};
use uuid::Uuid;

use super::server;
use super::template::{execute, template};

/// A freshly migrated database, dropped with this value.
pub(crate) struct TestDb {
    name: String,
    url: String,
    pool: PgPool,
    admin: PgConnectOptions,
}

impl TestDb {
    /// Clones the template.
    pub(crate) async fn new() -> Self {
        let admin = server::admin().await.clone();
        let name = format!("lmp_test_{}", Uuid::new_v4().simple());
        let mut connection = admin.connect().await.expect("the test server takes connections");
        execute(&mut connection, format!("create database {name} template {}", template().await)).await;
        connection.close().await.expect("the connection can be closed");

        let options = admin.clone().database(&name);
        let url = options.to_url_lossy().into();
        // Connects when it is first used: many tests only want the URL.
        let pool = PgPoolOptions::new().max_connections(5).connect_lazy_with(options);
        Self { name, url, pool, admin }
    }

    /// The connection string, password included.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Connections of the test's own.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        // The test's runtime is busy dropping this, and may be ending: a thread of its own does it,
        // and the test waits so that the process does not end first.
        let drop_database = drop_database(self.admin.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(drop_database)
        })
        .join();
        if let Ok(Err(error)) = dropped {
            eprintln!("the test database {} stays behind: {error}", self.name);
        }
    }
}

async fn drop_database(admin: PgConnectOptions, name: String) -> Result<(), sqlx::Error> {
    let mut connection = admin.connect().await?;
    // "with (force)" naps for 100 ms when it finds anybody connected; sent away beforehand, they are
    // gone in a few. The bound is for those who do not go: the force is for them.
    let send_away = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1";
    for _ in 0..50 {
        let left: i64 = sqlx::query_scalar(send_away).bind(&name).fetch_one(&mut connection).await?;
        if left == 0 {
            break;
        }
    }
    let statement = format!("drop database if exists {name} with (force)");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}
