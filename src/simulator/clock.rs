//! The world's time, which need not be the real one.

use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use super::lock;
use crate::clock::Clock;

/// Tells what time it is in the simulated world.
pub struct WorldClock {
    real: Arc<dyn Clock>,
    pace: Mutex<Pace>,
}

/// How the world's time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pace {
    /// With the real time.
    Real,
    /// It stands still.
    Stopped(DateTime<Utc>),
    /// It runs at a speed of its own.
    Running {
        /// The world's time when it was started.
        start: DateTime<Utc>,
        /// The real time when it was started.
        started: DateTime<Utc>,
        /// Simulated seconds per real second.
        speed: f64,
    },
}

impl WorldClock {
    /// A clock that shows the real time until told otherwise.
    pub fn new(real: Arc<dyn Clock>) -> Self {
        Self { real, pace: Mutex::new(Pace::Real) }
    }

    /// The world's time.
    pub fn now(&self) -> DateTime<Utc> {
        let real = self.real.now();
        match *lock(&self.pace) {
            Pace::Real => real,
            Pace::Stopped(at) => at,
            Pace::Running { start, started, speed } => {
                start.checked_add_signed(scaled(real - started, speed)).unwrap_or(real).min(real)
            }
        }
    }

    /// Sets the world's time and stops it there.
    pub fn set(&self, at: DateTime<Utc>) {
        *lock(&self.pace) = Pace::Stopped(at);
    }

    /// Lets the world's time run from `start`, `speed` simulated seconds per real second, and no
    /// further than the real present, from where it goes on in real time.
    pub fn run(&self, start: DateTime<Utc>, speed: f64) {
        *lock(&self.pace) = Pace::Running { start, started: self.real.now(), speed };
    }
}

impl fmt::Debug for WorldClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorldClock").field("pace", &*lock(&self.pace)).finish_non_exhaustive()
    }
}

/// Milliseconds are fine enough for a world that moves in seconds, and a float holds them exactly
/// for hundreds of thousands of years; what is out of range saturates.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "see above")]
fn scaled(elapsed: TimeDelta, speed: f64) -> TimeDelta {
    let milliseconds = elapsed.num_milliseconds() as f64 * speed;
    TimeDelta::try_milliseconds(milliseconds as i64).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::testing::ManualClock;
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn it_shows_the_real_time_until_told_otherwise() {
        let real = ManualClock::at("2026-08-09T10:00:00Z");
        let world = WorldClock::new(real.clone());
        real.advance(TimeDelta::seconds(5));
        assert_eq!(world.now(), at("2026-08-09T10:00:05Z"));
        world.set(at("2025-01-01T00:00:00Z"));
        real.advance(TimeDelta::days(1));
        assert_eq!(world.now(), at("2025-01-01T00:00:00Z"));
    }

    #[test]
    fn it_runs_fast_to_the_present_and_then_in_real_time() {
        let real = ManualClock::at("2026-08-09T10:00:00Z");
        let world = WorldClock::new(real.clone());
        world.run(at("2026-08-08T10:00:00Z"), 3600.0);
        real.advance(TimeDelta::seconds(12));
        assert_eq!(world.now(), at("2026-08-08T22:00:00Z"));
        real.advance(TimeDelta::seconds(60));
        assert_eq!(world.now(), at("2026-08-09T10:01:12Z"));
        real.advance(TimeDelta::seconds(1));
        assert_eq!(world.now(), at("2026-08-09T10:01:13Z"));
    }
}
