//! The one place that reads the machine's clock.
//!
//! It signs requests, paces retries, dates the log and says when to look what is due. Every time that is *stored* comes from
//! the database server, and whether a tick is due that server's clock decides.

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
