//! A proxy that understands PostgreSQL's wire protocol, so that a fault can strike at a chosen statement.
//!
//! Between a program (or the library) and a real server it sees every request as it passes. A [`Trap`] stops
//! one of them: before the server hears of it, or after the server has done it and before the client knows.
//! What then happens (the program is killed, the connection cut or frozen, the server stopped) is the
//! test's to say. So every point before and after each durable effect can be struck without any code for it
//! in the program.
//!
//! The connection must be plain: [`PgProxy::url`] asks for `sslmode=disable`.

mod link;
mod trap;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, lookup_host};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use trap::Armed;
pub(crate) use trap::{Held, Trap, When};

/// A request of a client: what it sends until it waits for an answer.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Counted over all connections, from 0.
    pub(crate) number: usize,
    pub(crate) kind: Kind,
    /// The statement, white space made plain.
    pub(crate) sql: String,
    /// The last statement with an effect of its own on the same connection; tells one commit from another.
    pub(crate) after: String,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One message with everything in it.
    Simple,
    /// Prepares a statement.
    Prepare,
    /// Executes a prepared statement.
    Execute,
    /// The end of the rows of a `copy … from stdin`.
    CopyEnd,
    /// Nothing: only whether the server is there.
    Ping,
}

impl Request {
    pub(crate) fn is_commit(&self) -> bool {
        self.sql == "commit"
    }

    /// Whether the statement begins so.
    pub(crate) fn begins(&self, with: &str) -> bool {
        self.sql.starts_with(with)
    }

    /// Tells it from others, and is the same in another run.
    pub(crate) fn name(&self) -> String {
        let short = |text: &str| text.chars().take(72).collect::<String>();
        if self.is_commit() {
            format!("commit after {}", short(&self.after))
        } else {
            format!("{:?} {}", self.kind, short(&self.sql))
        }
    }
}

/// A listening proxy. Its connections end with it.
pub(crate) struct PgProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    end: CancellationToken,
}

/// What all connections share.
struct Shared {
    upstream: Mutex<SocketAddr>,
    passed: Mutex<Vec<Request>>,
    /// SQLSTATEs of the errors that the server has sent.
    errors: Mutex<Vec<String>>,
    traps: Mutex<Vec<Armed>>,
    frozen: watch::Sender<bool>,
    /// Cancelled to end the connections there are; then replaced.
    connections: Mutex<CancellationToken>,
}

impl PgProxy {
    /// Listens in front of the server that a URL names.
    pub(crate) async fn before(url: &str) -> Self {
        let upstream = address_of(url).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            passed: Mutex::default(),
            errors: Mutex::default(),
            traps: Mutex::default(),
            frozen: watch::Sender::new(false),
            connections: Mutex::default(),
        });
        let end = CancellationToken::new();
        tokio::spawn(end.clone().run_until_cancelled_owned(accept(
            listener,
            Arc::clone(&shared),
            end.clone(),
        )));
        Self { address, shared, end }
    }

    /// The same database by way of this proxy.
    pub(crate) fn url(&self, direct: &str) -> String {
        let mut url = Url::parse(direct).expect("a URL");
        url.set_host(Some("127.0.0.1")).expect("a URL with a host");
        url.set_port(Some(self.address.port())).expect("a URL with a port");
        let others: Vec<_> = url
            .query_pairs()
            .into_owned()
            .filter(|(key, _)| !["sslmode", "ssl-mode"].contains(&&**key))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair("sslmode", "disable");
        url.into()
    }

    /// Stops the next request that `at` picks.
    pub(crate) fn trap(&self, when: When, at: impl FnMut(&Request) -> bool + Send + Sync + 'static) -> Trap {
        let (armed, trap) = trap::arm(when, Box::new(at));
        self.shared.traps.lock().unwrap().push(armed);
        trap
    }

    /// Takes away the traps that nothing has run into.
    pub(crate) fn disarm(&self) {
        self.shared.traps.lock().unwrap().clear();
    }

    /// What has passed so far.
    pub(crate) fn passed(&self) -> Vec<Request> {
        self.shared.passed.lock().unwrap().clone()
    }

    /// Forgets what has passed; the numbers begin at 0 again.
    pub(crate) fn forget(&self) {
        self.shared.passed.lock().unwrap().clear();
        self.shared.errors.lock().unwrap().clear();
    }

    /// SQLSTATEs of the errors that the server has sent.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.shared.errors.lock().unwrap().clone()
    }

    /// From now on nothing passes on any connection, new or old, though all stay open.
    pub(crate) fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }

    /// Ends [`PgProxy::freeze`].
    pub(crate) fn thaw(&self) {
        self.shared.frozen.send_replace(false);
    }

    /// New connections go to another server, as after a failover; those that exist stay.
    pub(crate) async fn lead_to(&self, url: &str) {
        let upstream = address_of(url).await;
        *self.shared.upstream.lock().unwrap() = upstream;
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        std::mem::take(&mut *self.shared.connections.lock().unwrap()).cancel();
    }
}

impl Drop for PgProxy {
    fn drop(&mut self) {
        self.end.cancel();
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, end: CancellationToken) {
    while let Ok((client, _)) = listener.accept().await {
        let cut = shared.connections.lock().unwrap().clone();
        let (shared, end) = (Arc::clone(&shared), end.clone());
        tokio::spawn(async move {
            tokio::select! {
                // However it ends, both sides are closed.
                _ = link::serve(client, &shared) => {}
                () = cut.cancelled() => {}
                () = end.cancelled() => {}
            }
        });
    }
}

async fn address_of(url: &str) -> SocketAddr {
    let url = Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a URL with a host").to_owned();
    let mut found = lookup_host((host, url.port().unwrap_or(5432))).await.expect("the host has an address");
    found.next().expect("the host has an address")
}
