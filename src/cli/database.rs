//! The database a command works on: the administrator's own, or the embedded one.

use super::CliError;
use crate::config::{Settings, Target};
use crate::embedded::{EmbeddedOptions, EmbeddedPostgres};
use crate::store::Store;

/// An open database.
pub(super) struct Database {
    pub(super) store: Store,
    /// The embedded server, if this process runs it.
    embedded: Option<EmbeddedPostgres>,
}

impl Database {
    /// Connects, starting the embedded server where that is the database and no other process runs it.
    pub(super) async fn open(settings: &Settings) -> Result<Self, CliError> {
        let (url, embedded) = match settings.database.target()? {
            Target::Url(url) => (url, None),
            Target::Embedded => {
                let mut options = EmbeddedOptions::new(&settings.data_dir);
                options.bin_dir.clone_from(&settings.database.bin_dir);
                if let Some(url) = EmbeddedPostgres::running(&options)? {
                    (url, None)
                } else {
                    let server = EmbeddedPostgres::start(&options).await?;
                    (server.url(), Some(server))
                }
            }
        };
        let store = Store::connect(&url, settings.database.max_connections).await?;
        Ok(Self { store, embedded })
    }

    /// Opens a database whose schema is what the program needs, migrating if the settings allow it.
    pub(super) async fn open_for_sync(settings: &Settings) -> Result<Self, CliError> {
        let database = Self::open(settings).await?;
        database.store.ensure_schema(settings.database.migrate).await?;
        Ok(database)
    }

    /// Opens a database for reading: an old schema is told, not changed.
    pub(super) async fn open_for_reading(settings: &Settings) -> Result<Self, CliError> {
        let database = Self::open(settings).await?;
        database.store.ensure_schema(false).await?;
        Ok(database)
    }

    pub(super) async fn close(self) {
        self.store.close().await;
        if let Some(server) = self.embedded {
            server.stop().await;
        }
    }
}
