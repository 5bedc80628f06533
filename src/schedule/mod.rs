//! When jobs are due.
//!
//! Cron expressions are written for people's clocks, and those jump twice a year. What a schedule
//! means on such days is decided here once, so that the daemon, which claims ticks, and `status`,
//! which announces them, never disagree. Everything here is pure: the caller says what time it is.

mod cron;
mod latest;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod testing;

pub use cron::{CronSchedule, InvalidSchedule};
