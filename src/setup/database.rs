//! The database the program works on: the administrator's own, or the embedded one.

use std::time::Duration;

use secrecy::SecretString;

use super::SetupError;
use crate::config::{Settings, Target};
use crate::embedded::{EmbeddedError, EmbeddedOptions, EmbeddedPostgres};
use crate::store::Store;

/// How often it is looked whether another process still runs the private server; reads a file or two.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long another process may take to make its first private server, and how often it is looked.
const BEING_MADE: (u32, Duration) = (300, Duration::from_millis(200));

/// An open database.
#[derive(Debug)]
pub struct Database {
    /// What it holds.
    pub store: Store,
    server: Server,
}

/// Who runs the server.
#[derive(Debug)]
enum Server {
    /// The administrator, somewhere.
    Elsewhere,
    /// This process.
    Ours(EmbeddedPostgres),
    /// Another process of this program, which stops it when it ends.
    Borrowed(EmbeddedOptions),
}

/// Where the private server is, and its programs.
pub fn embedded_options(settings: &Settings) -> EmbeddedOptions {
    let mut options = EmbeddedOptions::new(&settings.data_dir);
    options.bin_dir.clone_from(&settings.database.bin_dir);
    options
}

impl Database {
    /// Connects, starting the embedded server where that is the database and no other process runs it.
    ///
    /// # Errors
    /// When it cannot be reached or is not as it has to be.
    pub async fn open(settings: &Settings) -> Result<Self, SetupError> {
        let (url, server) = match settings.target()? {
            Target::Url(url) => (url, Server::Elsewhere),
            Target::Embedded => private(embedded_options(settings)).await?,
        };
        let store = Store::connect(&url, settings.database.max_connections).await?;
        Ok(Self { store, server })
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

    /// Waits until the private server has ended without being asked to by us; for ever where there is none.
    pub async fn lost(&self) {
        match &self.server {
            Server::Elsewhere => std::future::pending().await,
            Server::Ours(server) => drop(server.ended().await),
            Server::Borrowed(options) => {
                while !matches!(EmbeddedPostgres::running(options), Ok(None)) {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// Closes all connections, and stops the embedded server if this process runs it.
    pub async fn close(self) {
        self.store.close().await;
        if let Server::Ours(server) = self.server {
            server.stop().await;
        }
    }
}

/// The server that another process runs, else one of our own.
async fn private(options: EmbeddedOptions) -> Result<(SecretString, Server), EmbeddedError> {
    let (mut looks, pause) = BEING_MADE;
    loop {
        if let Some(url) = EmbeddedPostgres::running(&options)? {
            return Ok((url, Server::Borrowed(options)));
        }
        match EmbeddedPostgres::start(&options).await {
            Ok(server) => return Ok((server.url(), Server::Ours(server))),
            // It is just being made, and has no port yet.
            Err(EmbeddedError::AlreadyRunning { .. }) if looks > 0 => {
                looks -= 1;
                tokio::time::sleep(pause).await;
            }
            Err(error) => return Err(error),
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
