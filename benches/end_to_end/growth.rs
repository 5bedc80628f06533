//! What must hold on any machine, however slow: cost grows with what there is to do and no faster. Told by
//! what the database counts and by memory, never by a clock.

use anyhow::{Result, ensure};

use crate::report::Size;
use crate::round::STEPS;

/// Rows read may grow this much faster than reports.
const SLACK: f64 = 1.3;

/// Memory must not grow with what is stored; buffers and threads make this much noise.
const MAX_MORE_MIB: f64 = 10.0;

/// Fails unless the larger of two sizes cost no more than in proportion.
pub(crate) fn check(small: &Size, large: &Size) -> Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let factor = large.reports as f64 / small.reports as f64;
    for (number, step) in STEPS.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let read = |size: &Size| size.rounds[0].steps[number].work.tuples_read as f64;
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
        let log = |size: &Size| size.rounds[0].steps[number].work.wal_bytes as f64;
        ensure!(
            read(large) <= read(small) * factor * SLACK,
            "{step}: {} times the reports, and {} rows read instead of {}",
            factor,
            read(large),
            read(small)
        );
        ensure!(
            log(large) <= log(small) * factor * SLACK,
            "{step}: {} times the reports, and {} bytes of log instead of {}",
            factor,
            log(large),
            log(small)
        );
        let more = large.peak_mib(number) - small.peak_mib(number);
        ensure!(more <= MAX_MORE_MIB, "{step}: {factor} times the reports take {more:.1} MiB more");
    }
    Ok(())
}
