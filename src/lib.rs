//! Keeps Trend Micro LMP billing reports, and how each one's status moved, in PostgreSQL.
//!
//! The crate is layered one way; see `docs/ARCHITECTURE.md`:
//!
//! ```text
//! main → cli ─┬→ sync ────→ store, lmp
//!             ├→ embedded
//!             └→ simulator → lmp::sign, domain
//! store, lmp → domain → std and time types only
//! ```
//!
//! `lmp` and `store` never meet. Only `cli` reads the settings. No SQL outside `store`, no HTTP
//! client outside `lmp`.

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod embedded;
pub mod lmp;
pub mod schedule;
pub mod simulator;
pub mod store;
pub mod sync;
