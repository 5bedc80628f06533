//! Accepts connections, as many and for as long as is good for the daemon.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Connections at once. Those beyond wait in the operating system's queue.
const CONNECTIONS: usize = 64;

/// A client sends its request in this time, or is hung up on.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// A connection, from its acceptance to the last byte the client takes. The slowest page is bounded by
/// less.
const CONNECTION_WITHIN: Duration = Duration::from_secs(30);

/// Answers that are on their way are given this long when the daemon is told to stop.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request is a line and a few headers.
const LARGEST_HEAD: usize = 16 * 1024;

/// Out of file descriptors, accepting fails at once and for a while.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves until told to stop, and for at most two seconds after; each connection what there is to serve then.
///
/// # Panics
/// When a handler has panicked: that is a fault of the program, and the daemon ends on those.
pub async fn serve(listener: TcpListener, shown: watch::Receiver<Router>, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => pass_on_panic(ended),
            (accepted, slot) = accept(&listener, &slots) => match accepted {
                Ok(stream) => {
                    let router = shown.borrow().clone();
                    connections.spawn(converse(stream, slot, router, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    // No new ones are taken while the last ones end.
    drop(listener);
    let finished = async {
        while let Some(ended) = connections.join_next().await {
            pass_on_panic(ended);
        }
    };
    if tokio::time::timeout(PATIENCE, finished).await.is_err() {
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (std::io::Result<TcpStream>, Option<OwnedSemaphorePermit>) {
    // Nobody closes the semaphore, so there always is a slot in the end.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    (listener.accept().await.map(|(stream, _)| stream), slot)
}

/// One request and its answer. Whoever comes back connects anew, so that nobody occupies a slot idly.
async fn converse(
    stream: TcpStream,
    slot: Option<OwnedSemaphorePermit>,
    router: Router,
    stop: CancellationToken,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_WITHIN)
        .max_buf_size(LARGEST_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let conversation = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    match tokio::time::timeout(CONNECTION_WITHIN, conversation).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a client of the status page went wrong: {error}"),
        Err(_) => tracing::debug!("a client of the status page was too slow"),
    }
    drop(slot);
}

fn pass_on_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
