//! A private PostgreSQL that never waits for a disk.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lmp_billing_sync::store::Store;
use sqlx::Executor as _;
use tempfile::TempDir;

/// One of a store's is kept for what must not wait behind polls: so all polls have the same connection.
const CONNECTIONS: u32 = 2;

/// A server with the tables in it.
pub(crate) struct Server {
    // Stops before its folder goes.
    postgres: EmbeddedPostgres,
    _dir: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Result<Self> {
        // Started as root, the server runs as somebody else, who must be let in.
        let dir = tempfile::Builder::new()
            .prefix("lmp-bench-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()?;
        let postgres = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(dir.path())).await?;
        let server = Self { postgres, _dir: dir };
        let store = server.store().await?;
        store.ensure_schema(true).await?;
        // It would come at any moment; its part is done by hand.
        store.pool().execute("alter system set autovacuum = off").await?;
        store.pool().execute("select pg_reload_conf()").await?;
        store.close().await;
        Ok(server)
    }

    pub(crate) async fn store(&self) -> Result<Store> {
        Ok(Store::connect(&self.postgres.url(), CONNECTIONS).await?)
    }

    pub(crate) async fn stop(self) {
        self.postgres.stop().await;
    }
}
