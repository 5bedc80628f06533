//! A faithful fake of Trend Micro's Licensing Management Platform on a TCP port.
//!
//! It exists so that everything can be tried and tested without an account at the vendor: it checks
//! tokens, signatures and clocks as LMP does, and its reports live. Faults can be switched on, from
//! the command line and from tests.
//!
//! It shares no types with the client that reads its answers: shared types would hide shared
//! mistakes. It uses [`crate::lmp::sign::signature`], which a published test vector vouches for, the
//! words of [`crate::domain`] and the [`crate::clock`]. What the vendor's documentation leaves open
//! is marked as our choice where it is made.
//!
//! The life of the reports is a pure function of a seed and the world's time (see [`World`]), so a
//! test knows what the truth was at any moment.

mod answer;
mod auth;
mod bad_entries;
mod clock;
mod deliver;
mod dice;
mod faults;
mod handle;
mod ledger;
mod life;
mod names;
mod partner;
mod refusal;
mod request;
mod server;
mod start;
mod wire;
mod world;

#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod testing;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use clock::WorldClock;
pub use faults::{BadEntry, FAULT_HELP, Fault, FaultRule, Gate, RetryAfter};
pub use handle::SimulatorHandle;
pub use ledger::{Exchange, Sent};
pub use refusal::Refusal;
pub use start::{Account, DEFAULT_ACCESS_TOKEN, DEFAULT_SECRET_KEY, RunningSimulator, Simulator};
pub use world::{Order, SimReport, World};

/// A test that failed while it held a lock must not make the others fail.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
