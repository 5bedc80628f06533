//! Clocks that jump: the machine slept, or somebody set its clock.

use chrono::TimeDelta;
use tokio::time::Instant;

use super::Ticker;

/// The wall clock and the monotonic one differ by more than this only if the machine slept, or its
/// clock was set.
const SLEPT: TimeDelta = TimeDelta::seconds(30);

impl Ticker {
    pub(super) fn notice_sleep(&mut self) {
        let (now, instant) = (self.clock.now(), Instant::now());
        let (then, then_instant) = self.last_look;
        let passed = TimeDelta::from_std(instant - then_instant).unwrap_or(TimeDelta::MAX);
        self.last_look = (now, instant);
        if (now - then) - passed > SLEPT {
            tracing::info!("the machine slept, or its clock was set forward; looking what was missed");
            self.awake_since = now;
            for slot in &mut self.slots {
                slot.counts_from = None;
            }
        } else if passed - (now - then) > SLEPT {
            // Set back: all that waits for a moment that has moved away, or counts from one that has not
            // come yet, is looked at anew.
            tracing::info!("the machine's clock was set back; looking what is due");
            self.awake_since = self.awake_since.min(now);
            for slot in &mut self.slots {
                (slot.counts_from, slot.not_before, slot.look_again) = (None, None, None);
            }
            self.first_syncs.set_back(now);
        }
    }
}
