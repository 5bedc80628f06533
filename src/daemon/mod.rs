//! The daemon: runs each job when it is due, and is otherwise silent.
//!
//! ```text
//! wake (every half minute, or when a tick is due) → ticker: what is due?
//!    → ledger of ticks in the database: is it ours? → job: polls or prune, as a task
//! ```
//!
//! What is due is decided by [`crate::schedule`] from the ledger in the database; of several daemons
//! one claims each tick. Between ticks the database is asked nothing. The daemon outlives restarts of
//! the database and outages of the upstream; it ends when it is told to, or with an error when one of
//! its tasks panics or its private PostgreSQL is lost.

mod first_syncs;
pub mod http;
mod job;
mod manager;
mod reload;
mod slot;
mod ticker;
mod troubles;
mod wake;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{ConfigError, Settings};
use crate::setup::{Database, SetupError, schedule_of};
use crate::store::Job;

use http::{HttpState, Metrics, Plan};
use manager::Manager;
use ticker::Ticker;

/// How often a database out of reach is tried again when the daemon starts.
const CONNECT_AGAIN: Duration = Duration::from_secs(5);

/// Why the daemon ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// It could not start.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// What wakes it could not be set up.
    #[error("cannot set up the scheduler that wakes the daemon: {0}")]
    Wake(String),
    /// The address for its endpoints cannot be had.
    #[error("cannot listen on http.listen = {0}: {1}; choose another address, or \"\" to turn it off")]
    Listen(SocketAddr, std::io::Error),
    /// One of its tasks panicked.
    #[error("a task of the daemon panicked: {0}; please report this as a bug")]
    Panicked(#[from] JoinError),
    /// The private server ended by itself.
    #[error(
        "the private PostgreSQL server has ended, by itself or with the command that ran it (its log: {}); the daemon runs \
         one of its own when it is started again",
        .0.join("postgres/postgres.log").display()
    )]
    DatabaseLost(PathBuf),
}

/// Puts a `log.filter` into force, or says why it cannot.
pub type ChangeLogFilter = Box<dyn Fn(&str) -> Result<(), String> + Send>;

/// How the daemon is told things while it runs.
pub struct Orders {
    /// Cancelled when it is to end.
    pub stop: CancellationToken,
    /// A message when it is to load its settings anew.
    pub reload: mpsc::Receiver<()>,
    /// Loads the settings.
    pub load: Box<dyn Fn() -> Result<Settings, ConfigError> + Send>,
    /// Puts another `log.filter` into force.
    pub change_log_filter: ChangeLogFilter,
    /// Told, once it has started, where its status page is.
    pub started: Option<oneshot::Sender<Option<SocketAddr>>>,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// See [`DaemonError`].
pub async fn run(settings: Settings, mut orders: Orders, clock: Arc<dyn Clock>) -> Result<(), DaemonError> {
    let manager = Manager::new();
    let (stop, started) = (orders.stop.clone(), orders.started.take());
    // Whoever asks whether the daemon is alive is answered from here on, though the database may be away.
    let listener = listen(&settings).await?;
    let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let (trouble, told) = watch::channel("not asked yet".to_owned());
    let (show, shown) = watch::channel(http::waiting(told));
    let mut server = serve(listener, shown, &stop);
    let Some(database) = open(&settings, &stop, manager, &trouble).await? else {
        manager.stopping();
        return served(&mut server).await;
    };
    let data_dir = settings.data_dir.clone();
    let mut wakes = wake::every_half_minute().await.map_err(|error| DaemonError::Wake(error.to_string()))?;
    let metrics = Arc::new(Metrics::new());
    let page =
        HttpState::new(database.store.aside(), plan(&settings), Arc::clone(&metrics), Arc::clone(&clock));
    // The server may have ended, which is noticed below.
    let _ = show.send(http::router(page.clone()));
    let mut ticker = Ticker::new(database.store.clone(), metrics, page, settings, clock, orders);
    manager.ready();
    if let Some(started) = started {
        // Who is no longer there need not be told.
        let _ = started.send(address);
    }
    let ended = tokio::select! {
        Err(panicked) = served(&mut server) => Err(panicked),
        ended = ticker.run(&mut wakes, manager) => ended,
        () = database.lost() => Err(DaemonError::DatabaseLost(data_dir)),
    };
    manager.stopping();
    stop.cancel();
    let ended = ended.and(ticker.finish().await).and(served(&mut server).await);
    database.close().await;
    tracing::info!("stopped");
    ended
}

async fn listen(settings: &Settings) -> Result<Option<TcpListener>, DaemonError> {
    match settings.http.listen {
        Some(address) => {
            let listener =
                TcpListener::bind(address).await.map_err(|error| DaemonError::Listen(address, error))?;
            if let Ok(address) = listener.local_addr() {
                tracing::info!("status page at http://{address}/");
            }
            Ok(Some(listener))
        }
        None => Ok(None),
    }
}

/// Serves the endpoints, if there is an address for them.
fn serve(
    listener: Option<TcpListener>,
    shown: watch::Receiver<Router>,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut server = JoinSet::new();
    if let Some(listener) = listener {
        server.spawn(http::serve(listener, shown, stop.clone()));
    }
    server
}

/// Waits until nothing is served any more.
async fn served(server: &mut JoinSet<()>) -> Result<(), DaemonError> {
    server.join_next().await.unwrap_or(Ok(())).map_err(DaemonError::from)
}

/// What the endpoints have to know of the settings.
fn plan(settings: &Settings) -> Plan {
    let schedules = Job::SCHEDULED
        .into_iter()
        .filter_map(|job| Some((job, schedule_of(&settings.schedule, job)?.clone())))
        .collect();
    Plan {
        accounts: settings.accounts.iter().map(|account| account.name.clone()).collect(),
        schedules,
        timezone: settings.schedule.timezone,
        retention: settings.retention.rule(),
    }
}

/// Opens the database, waiting for one that is not there yet and telling why; `None` when told to stop meanwhile.
async fn open(
    settings: &Settings,
    stop: &CancellationToken,
    manager: Manager,
    trouble: &watch::Sender<String>,
) -> Result<Option<Database>, DaemonError> {
    loop {
        let mut opening = std::pin::pin!(Database::open_for_sync(settings));
        let opened = loop {
            tokio::select! {
                opened = &mut opening => break opened,
                // It has limits of its own.
                () = tokio::time::sleep(manager.within_patience(CONNECT_AGAIN)) => manager.alive(),
                () = stop.cancelled() => return Ok(None),
            }
        };
        match opened {
            Ok(database) => return Ok(Some(database)),
            Err(SetupError::Store(error)) if error.is_transient() => {
                manager.status("waiting for the database");
                trouble.send_replace(error.to_string());
                // It has started, and goes on by itself: nobody is to wait for that.
                manager.ready();
                tracing::warn!("{error}; trying again in {} s", CONNECT_AGAIN.as_secs());
                tokio::select! {
                    () = tokio::time::sleep(CONNECT_AGAIN) => {}
                    () = stop.cancelled() => return Ok(None),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}
