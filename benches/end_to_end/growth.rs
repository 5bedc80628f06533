//! What must hold on any machine, however slow: cost grows with what there is to do and no faster. Told by
//! what the database counts and by memory, never by a clock.

use anyhow::{Result, ensure};

use crate::report::Size;
use crate::round::STEPS;

/// How often each report may be read, all of a step together: once to compare, once to join with what was
/// staged, once to write, and one more. By which of these ways the planner goes depends on its statistics
/// and differs from run to run; a table read once for every poll would be read 25 times.
const MAX_PASSES: i64 = 4;

/// Rows of the logs and of the catalogue of statuses, read whatever is stored.
const MAX_READ_BESIDE: i64 = 5000;

/// The log may grow this much faster than reports.
const SLACK: f64 = 1.3;

/// Memory must not grow with what is stored; buffers and threads make this much noise.
const MAX_MORE_MIB: f64 = 10.0;

/// Fails unless both of two sizes cost no more than they may, and the larger no more than in proportion.
pub(crate) fn check(small: &Size, large: &Size) -> Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let factor = large.reports as f64 / small.reports as f64;
    for (number, step) in STEPS.iter().enumerate() {
        for size in [small, large] {
            let read = size.rounds[0].steps[number].work.tuples_read;
            let allowed = MAX_PASSES * i64::try_from(size.reports)? + MAX_READ_BESIDE;
            ensure!(
                read <= allowed,
                "{step}: {read} rows read for {} reports; at most {allowed} are due",
                size.reports
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
        let log = |size: &Size| size.rounds[0].steps[number].work.wal_bytes as f64;
        ensure!(
            log(large) <= log(small) * factor * SLACK,
            "{step}: {factor} times the reports, and {} bytes of log instead of {}",
            log(large),
            log(small)
        );
        let more = large.peak_mib(number) - small.peak_mib(number);
        ensure!(more <= MAX_MORE_MIB, "{step}: {factor} times the reports take {more:.1} MiB more");
    }
    Ok(())
}
