//! Waiting for what other processes do, of which nobody tells us.

use std::time::{Duration, Instant};

/// Longer than the slowest machine needs, with others at work on it; a test that gets here has failed.
const DEADLINE: Duration = Duration::from_mins(3);

/// Asks again and again until `holds`, and fails the test when that takes too long.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The same for a condition that has to be asked for.
pub(crate) async fn until_async(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
