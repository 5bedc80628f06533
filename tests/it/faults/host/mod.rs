//! What the process and its host can suffer.

mod bounds;
mod crash_loop;
mod descriptors;
mod log;
mod panic;
mod soak;
mod stop;
mod watchdog;

use std::time::Duration;

use crate::cli::process::Running;

/// Processor time a process has used so far.
fn processor_time(process: &Running) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
    // After the name, which stands in brackets: the 12th and 13th are ticks in user and system.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    // Linux counts in hundredths of a second on every machine we know.
    Duration::from_millis(ticks * 10)
}
