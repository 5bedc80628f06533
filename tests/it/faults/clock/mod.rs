//! Clocks that jump, stand still or disagree.
//!
//! The program and its database server are real processes whose clocks are moved while they run.

mod ahead;
mod apart;
mod back;
mod calendar;
mod sleep;

/// Schedules in which nothing is due while a test runs, for the other jobs to be set apart from.
fn schedule(own: &str) -> String {
    let of = |job: &str| {
        let named = own.lines().any(|line| line.starts_with(&format!("{job} =")));
        if named { String::new() } else { format!("{job} = '0 0 29 2 *'\n") }
    };
    format!("[schedule]\n{own}\n{}", ["discover", "refresh", "reconcile", "prune"].map(of).concat())
}
