//! How many rounds to go, and from which seed.

use std::env;

/// Rounds of killing with every run of the tests.
pub(super) const USUAL: usize = 300;

/// Rounds of killing: `KILL_ROUNDS`, or as usual.
pub(super) fn kills() -> usize {
    number("KILL_ROUNDS").unwrap_or(USUAL)
}

/// The share of a test in a number of rounds, its usual one being `usual`.
pub(super) fn share(usual: usize) -> usize {
    (usual * kills()).div_ceil(USUAL)
}

/// Printed, so that a failure can be had again with `FAULT_SEED`.
pub(super) fn seed() -> u64 {
    let seed = number("FAULT_SEED").map_or_else(|| fastrand::u64(..), |seed| seed as u64);
    println!("FAULT_SEED={seed}");
    seed
}

fn number(name: &str) -> Option<usize> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?} and must be a number")))
}
