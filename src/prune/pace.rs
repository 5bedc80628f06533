//! How many reports to delete in one transaction. Pure.

use std::time::Duration;

/// How long a transaction should hold its locks: well below what a person or a poll would notice, and long
/// enough that what each costs besides is little.
const TARGET: Duration = Duration::from_millis(80);

/// Reports have from one to hundreds of versions, and disks differ: the first batch is a cautious one.
const FIRST: usize = 500;

/// Smaller batches would be slower without holding locks for less time.
const SMALLEST: usize = 20;

/// The size of the batches, kept so that each takes about as long as it should.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    size: usize,
    max: usize,
}

impl Pace {
    pub(super) fn new(max: usize) -> Self {
        let max = max.max(1);
        Self { size: FIRST.min(max), max }
    }

    /// Reports in the next batch.
    pub(super) fn size(self) -> usize {
        self.size
    }

    /// Learns from a whole batch: at most grows fourfold, but gets smaller at once.
    pub(super) fn took(&mut self, time: Duration) {
        let ratio = TARGET.as_secs_f64() / time.as_secs_f64().max(1e-6);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a size times at most four, and never negative"
        )]
        let wanted = (self.size as f64 * ratio.min(4.0)) as usize;
        self.size = wanted.clamp(SMALLEST.min(self.max), self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(max: usize, per_report: Duration) -> Vec<usize> {
        let mut pace = Pace::new(max);
        (0..10)
            .map(|_| {
                let size = pace.size();
                pace.took(per_report * u32::try_from(size).unwrap());
                size
            })
            .collect()
    }

    #[test]
    fn fast_batches_grow_to_the_limit() {
        assert_eq!(sizes(20_000, Duration::from_micros(1))[..4], [500, 2000, 8000, 20_000]);
    }

    #[test]
    fn batches_settle_where_they_take_as_long_as_they_should() {
        assert_eq!(*sizes(10_000, Duration::from_micros(20)).last().unwrap(), 4000);
        let slow = sizes(10_000, Duration::from_millis(1));
        assert_eq!(slow[..3], [500, 80, 80]);
    }

    #[test]
    fn they_get_neither_too_small_nor_larger_than_allowed() {
        assert_eq!(*sizes(10_000, Duration::from_secs(1)).last().unwrap(), SMALLEST);
        assert_eq!(sizes(3, Duration::from_secs(1)), [3; 10]);
        assert_eq!(sizes(0, Duration::ZERO), [1; 10]);
    }
}
