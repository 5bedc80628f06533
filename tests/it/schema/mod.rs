//! The schema: how it comes about, what it explains, and who may read it.

mod access;
mod explained;
mod migrating;
mod notify;
mod plans;
mod reader;
mod roles;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use uuid::Uuid;

use crate::support::db::TestDb;

/// An empty database: no schema, no tables.
async fn empty() -> TestDb {
    let db = TestDb::new().await;
    run(&db, "drop schema lmp_billing cascade").await;
    db
}

async fn run(db: &TestDb, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(db.pool()).await.expect(sql);
}

/// A login of its own for a test; roles belong to the whole server.
struct Login {
    name: String,
    url: SecretString,
}

impl Login {
    async fn new(db: &TestDb) -> Self {
        let name = format!("lmp_test_{}", Uuid::new_v4().simple());
        run(db, &format!("create role {name} login password 'x'")).await;
        let options: PgConnectOptions = db.url().parse().unwrap();
        let url = options.username(&name).password("x").to_url_lossy().to_string().into();
        Self { name, url }
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.url.expose_secret()).await.unwrap()
    }

    async fn drop(self, db: &TestDb) {
        run(db, &format!("drop owned by {0}; drop role {0}", self.name)).await;
    }
}
