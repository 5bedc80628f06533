//! Keeps Trend Micro LMP billing reports, and how each one's status moved, in PostgreSQL.
//!
//! The crate is layered one way: `docs/ARCHITECTURE.md` says who may use whom. `lmp` and `store` do not know each other.
//! Only `cli`, `daemon` and what they set up with (`setup`) read the settings. No SQL outside `store`, but for
//! making the private server's database (`embedded`); no HTTP client outside `lmp`.

mod certificate;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod embedded;
pub mod lmp;
pub mod prune;
mod run;
pub mod schedule;
pub mod setup;
pub mod simulator;
pub mod store;
pub mod sync;
mod task;
mod visible;
