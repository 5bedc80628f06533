//! Keeps Trend Micro LMP billing reports, and how each one's status moved, in PostgreSQL.
//!
//! The crate is layered one way; see `docs/ARCHITECTURE.md`:
//!
//! ```text
//! main → cli ─┬→ daemon ─┬→ schedule
//!             │          └→ setup → config, embedded
//!             ├→ sync ────→ store, lmp
//!             ├→ prune ───→ store
//!             └→ simulator → lmp::sign, domain
//! store, lmp → domain → std and time types only
//! ```
//!
//! `lmp` and `store` never meet. Only `cli`, `daemon` and what they set up with (`setup`) read the
//! settings. No SQL outside `store`, no HTTP client outside `lmp`.

mod certificate;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod embedded;
pub mod lmp;
pub mod prune;
pub mod schedule;
pub mod setup;
pub mod simulator;
pub mod store;
pub mod sync;
