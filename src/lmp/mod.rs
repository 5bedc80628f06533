//! Everything that knows HTTP: the client of Trend Micro's Licensing Management Platform.
//!
//! Nothing here knows the database.

pub mod sign;
