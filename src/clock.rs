//! The one place that reads the machine's clock.
//!
//! It signs requests and paces retries. Every time that is *stored* comes from the database server.

use std::fmt::Debug;

use chrono::{DateTime, Utc};

/// Tells the time.
pub trait Clock: Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the ambient clock is read")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
