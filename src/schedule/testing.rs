//! What tests of schedules share.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use fastrand::Rng;

use super::CronSchedule;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn schedule(expression: &str, timezone: Tz) -> CronSchedule {
    CronSchedule::parse(expression, timezone).unwrap()
}

/// The next `count` ticks, written on the zone's clock.
pub(super) fn ticks(expression: &str, timezone: Tz, after: &str, count: usize) -> Vec<String> {
    let schedule = schedule(expression, timezone);
    let next = |tick: &DateTime<Utc>| schedule.next_after(*tick);
    std::iter::successors(next(&at(after)), next)
        .take(count)
        .map(|tick| tick.with_timezone(&timezone).format("%m-%d %H:%M %Z").to_string())
        .collect()
}

/// A generator whose seed a failed test has printed.
pub(super) fn dice() -> Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    Rng::with_seed(seed)
}
