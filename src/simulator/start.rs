//! Sets a simulator up, starts it and stops it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::clock::WorldClock;
use super::faults::{FaultRule, Faults};
use super::handle::SimulatorHandle;
use super::ledger::Ledger;
use super::server::{Shared, serve};
use super::wire::{Line, WireListener};
use super::world::World;
use crate::clock::{Clock, SystemClock};

/// The access token of the account there is if no other is given.
pub const DEFAULT_ACCESS_TOKEN: &str = "5eed5eed-5eed-4eed-8eed-5eed5eed5eed";

/// The secret key of the account there is if no other is given.
pub const DEFAULT_SECRET_KEY: &str = "simulated-key-that-protects-nothing";

/// How long [`RunningSimulator::shutdown`] waits for clients to take what is on its way to them.
const PATIENCE: Duration = Duration::from_secs(2);

/// Someone who may read billing reports, and the reports there are to read.
#[derive(Clone)]
pub struct Account {
    /// What `x-access-token` says.
    pub access_token: String,
    /// What requests are signed with.
    pub secret_key: String,
    /// The account's partners and reports.
    pub world: World,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("world", &self.world).finish_non_exhaustive()
    }
}

/// A simulator that is being set up.
#[derive(Debug)]
#[must_use]
pub struct Simulator {
    listen: SocketAddr,
    accounts: Vec<Account>,
    seed: u64,
    partners: u32,
    clock: Arc<dyn Clock>,
    /// The world's first moment and speed.
    start: Option<(DateTime<Utc>, f64)>,
    keep: usize,
    faults: Vec<FaultRule>,
    refuse_too_old: bool,
}

/// As tests want it: any free loopback port, everything recorded, real time, no faults, and one
/// account of 20 partners under the default token and key.
impl Default for Simulator {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            accounts: Vec::new(),
            seed: 1,
            partners: 20,
            clock: Arc::new(SystemClock),
            start: None,
            keep: usize::MAX,
            faults: Vec::new(),
            refuse_too_old: false,
        }
    }
}

impl Simulator {
    /// Listens on this address; port 0 takes any free one.
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// Adds an account. Without any there is one with the default token and key.
    pub fn account(mut self, access_token: &str, secret_key: &str, world: World) -> Self {
        let (access_token, secret_key) = (access_token.to_owned(), secret_key.to_owned());
        self.accounts.push(Account { access_token, secret_key, world });
        self
    }

    /// The seed of the default account's world, and of faults that happen at random.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// How many partners the default account has.
    pub fn partners(self, partners: u32) -> Self {
        Self { partners, ..self }
    }

    /// Takes another clock for the real one: it rules the 15 minutes, the two years and `Date`.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Lets the world's time run from a moment, so many simulated seconds per real second, up to the
    /// real present and then with it.
    pub fn world_from(self, start: DateTime<Utc>, speed: f64) -> Self {
        Self { start: Some((start, speed)), ..self }
    }

    /// How many exchanges are kept in memory, answers and all: the newest.
    pub fn keep(self, keep: usize) -> Self {
        Self { keep, ..self }
    }

    /// Switches a fault on.
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// Refuses cycles older than two years with status 400, not with an empty list. Which of the two
    /// LMP does is not documented.
    pub fn refuse_too_old(self) -> Self {
        Self { refuse_too_old: true, ..self }
    }

    /// Starts serving.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn start(mut self) -> io::Result<RunningSimulator> {
        if self.accounts.is_empty() {
            let world = World::new(self.seed, self.partners);
            self = self.account(DEFAULT_ACCESS_TOKEN, DEFAULT_SECRET_KEY, world);
        }
        let world_clock = WorldClock::new(Arc::clone(&self.clock));
        if let Some((start, speed)) = self.start {
            world_clock.run(start, speed);
        }
        let listener = TcpListener::bind(self.listen).await?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            accounts: self.accounts,
            world_clock,
            faults: Faults::new(self.seed, self.faults),
            replaced: Mutex::default(),
            ledger: Arc::new(Ledger::new(self.keep)),
            clock: self.clock,
            refuse_too_old: self.refuse_too_old,
            stop: stop.clone(),
        });
        let app = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let server = axum::serve(WireListener(listener), app.into_make_service_with_connect_info::<Line>())
            .with_graceful_shutdown(stop.cancelled_owned());
        Ok(RunningSimulator { addr, shared, server: Some(tokio::spawn(server.into_future())) })
    }
}

/// A simulator that serves until it is shut down or dropped.
#[derive(Debug)]
pub struct RunningSimulator {
    addr: SocketAddr,
    shared: Arc<Shared>,
    server: Option<JoinHandle<io::Result<()>>>,
}

impl RunningSimulator {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What belongs in an account's `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Controls it while it runs.
    pub fn handle(&self) -> SimulatorHandle {
        SimulatorHandle(Arc::clone(&self.shared))
    }

    /// Stops serving. Answers that are on their way are finished, those that a fault holds up are
    /// given up; a client that takes nothing more is waited for only briefly.
    pub async fn shutdown(mut self) {
        self.shared.stop.cancel();
        if let Some(server) = self.server.take() {
            // Serving ends with nothing to tell, and what has not ended by now ends with its client.
            let _ = tokio::time::timeout(PATIENCE, server).await;
        }
    }
}

impl Drop for RunningSimulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
