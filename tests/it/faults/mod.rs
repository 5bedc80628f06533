//! Everything that must not break it: each fault is brought about for real, then the database is looked at.
//!
//! `docs/RELIABILITY.md` maps each line of the catalogue of faults to its test.

mod clock;
mod database;
mod host;
mod http;
mod mapped;
mod moved;
mod payload;
mod peak;
mod people;
mod several;
