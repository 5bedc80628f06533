//! Traps for requests, and what becomes of what is caught.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Request;

/// Longer than any program needs to get to where it is expected.
const PATIENCE: Duration = Duration::from_secs(90);

/// On which side of the server's work to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// The server has not heard of the request.
    Before,
    /// The server has done it and answered, and the client does not know.
    After,
}

/// What becomes of a request that was stopped, and of its connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    Pass,
    Freeze,
}

type Picks = Box<dyn FnMut(&Request) -> bool + Send + Sync>;

/// The proxy's side of a trap.
pub(super) struct Armed {
    pub(super) when: When,
    pub(super) picks: Picks,
    pub(super) tell: oneshot::Sender<Held>,
}

/// The test's side of a trap.
pub(crate) struct Trap(oneshot::Receiver<Held>);

pub(super) fn arm(when: When, picks: Picks) -> (Armed, Trap) {
    let (tell, told) = oneshot::channel();
    (Armed { when, picks, tell }, Trap(told))
}

impl Trap {
    /// Waits until a request has run into it.
    pub(crate) async fn caught(&mut self) -> Held {
        let caught = timeout(PATIENCE, &mut self.0).await;
        caught.expect("the request that was waited for is sent").expect("the proxy and the trap are there")
    }

    /// The same, without end.
    pub(crate) async fn caught_if_ever(&mut self) -> Held {
        match (&mut self.0).await {
            Ok(held) => held,
            Err(_) => std::future::pending().await,
        }
    }
}

/// A request that waits for what becomes of it. Dropped, its connection is cut.
pub(crate) struct Held {
    pub(crate) request: Request,
    verdict: oneshot::Sender<Verdict>,
}

impl Held {
    pub(super) fn new(request: Request) -> (Self, oneshot::Receiver<Verdict>) {
        let (verdict, told) = oneshot::channel();
        (Self { request, verdict }, told)
    }

    /// Lets it go on as if nothing had been.
    pub(crate) fn pass(self) {
        // The connection may have ended meanwhile.
        let _ = self.verdict.send(Verdict::Pass);
    }

    /// Cuts the connection, on both sides.
    pub(crate) fn cut(self) {
        drop(self.verdict);
    }

    /// Nothing passes on this connection any more, and it stays open.
    pub(crate) fn freeze(self) {
        let _ = self.verdict.send(Verdict::Freeze);
    }
}
