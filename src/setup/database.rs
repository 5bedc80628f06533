//! The database the program works on: the administrator's own, or the embedded one.

use super::SetupError;
use crate::config::{Settings, Target};
use crate::embedded::{EmbeddedOptions, EmbeddedPostgres};
use crate::store::Store;

/// An open database.
#[derive(Debug)]
pub struct Database {
    /// What it holds.
    pub store: Store,
    /// The embedded server, if this process runs it.
    embedded: Option<EmbeddedPostgres>,
}

impl Database {
    /// Connects, starting the embedded server where that is the database and no other process runs it.
    ///
    /// # Errors
    /// When it cannot be reached or is not as it has to be.
    pub async fn open(settings: &Settings) -> Result<Self, SetupError> {
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
    ///
    /// # Errors
    /// When it cannot be reached or is not as it has to be.
    pub async fn open_for_sync(settings: &Settings) -> Result<Self, SetupError> {
        let database = Self::open(settings).await?;
        warn_of_an_open_line(&database.store).await;
        database.store.ensure_schema(settings.database.migrate).await?;
        Ok(database)
    }

    /// Opens a database for reading: an old schema is told, not changed.
    ///
    /// # Errors
    /// When it cannot be reached or is not as it has to be.
    pub async fn open_for_reading(settings: &Settings) -> Result<Self, SetupError> {
        let database = Self::open(settings).await?;
        database.store.ensure_schema(false).await?;
        Ok(database)
    }

    /// Waits until the embedded server has ended without being asked to; for ever where there is none.
    pub async fn lost(&self) {
        match &self.embedded {
            Some(server) => drop(server.ended().await),
            None => std::future::pending().await,
        }
    }

    /// Closes all connections, and stops the embedded server if this process runs it.
    pub async fn close(self) {
        self.store.close().await;
        if let Some(server) = self.embedded {
            server.stop().await;
        }
    }
}

/// Says so when everything that is stored travels in the clear. Who wants that refused says so in the URL
/// (`sslmode`), as for every other program.
async fn warn_of_an_open_line(store: &Store) {
    let route = store.route();
    // The mode that verifies has refused anything else by now.
    if route.is_local || route.verifies_server {
        return;
    }
    // A database that does not answer is told of by those who need an answer.
    let Ok(server) = store.server().await else { return };
    if let (None, Some(concern)) = (&server.tls, route.concern(None)) {
        tracing::warn!("{concern}");
    }
}
