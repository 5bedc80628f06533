//! How much memory the program has held at most, as the kernel counts it.

use std::fs;
use std::time::Duration;

use crate::cli::process::{Call, Ended};

/// Runs a command to its end; returns the largest resident set it had, in KiB.
pub(super) async fn of(call: Call) -> (Ended, u64) {
    let running = call.start();
    let path = format!("/proc/{}/status", running.pid());
    let watch = async {
        let mut peak = 0;
        // The mark only rises, and goes when the process ends: what was read last is the peak but for what
        // happens in the last milliseconds.
        while let Some(mark) = fs::read_to_string(&path).ok().as_deref().and_then(high_water_mark) {
            peak = mark;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        peak
    };
    let (peak, ended) = tokio::join!(watch, running.ended());
    assert!(peak > 0, "its memory could not be read");
    (ended, peak)
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
