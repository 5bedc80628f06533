//! Everything that knows HTTP: the client of Trend Micro's Licensing Management Platform.
//!
//! A request is signed ([`sign`]), sent within bounds of time, size, rate and retries ([`Client`]),
//! and its answer spooled ([`Body`]). Reading the answer ([`read_answer`]) is separate from fetching
//! it, so that it can be repeated when a database transaction has to be. Nothing here knows the
//! database.

mod answer;
mod body;
mod client;
mod date;
mod entry;
mod error;
mod json_text;
mod limit;
mod retry;
pub mod sign;

pub use answer::{AnswerError, read_answer};
pub use body::Body;
pub use client::{Answer, Client, ClientOptions, Exchange, Failure};
pub use date::{retry_after, server_date};
pub use entry::{Entry, EntryReader, RawEntry};
pub use error::LmpError;
pub use limit::Limit;
