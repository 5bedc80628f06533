//! Randomness that depends on a key alone.
//!
//! The world keeps no state: whatever is random about a partner or a report is drawn again, from the
//! same key, each time it is asked for. So the same seed gives the same world at every moment, in
//! any order of asking and on every platform: what the world draws has 32 or 64 bits, never those of a `usize`.

use fastrand::Rng;
use uuid::Uuid;

/// What the draws are for, so that two uses of one key are independent.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Order = 1,
    Tenancies,
    JoinMoment,
    LeaveMoment,
    Renames,
    Name,
    ReportId,
    Life,
    BadEntries,
    Faults,
}

/// Dice for one purpose and key.
pub(super) fn dice(seed: u64, purpose: Purpose, key: &[u64]) -> Rng {
    Rng::with_seed(digest(seed, purpose, key))
}

/// A GUID (version 4 in form) for one purpose and key.
pub(super) fn guid(seed: u64, purpose: Purpose, key: &[u64]) -> Uuid {
    let high = digest(seed, purpose, key);
    let bits = u128::from(high) << 64 | u128::from(mixed(high));
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

fn digest(seed: u64, purpose: Purpose, key: &[u64]) -> u64 {
    key.iter().fold(mixed(seed ^ mixed(purpose as u64)), |state, part| mixed(state ^ mixed(*part)))
}

/// One step of `SplitMix64`: near keys give unrelated values.
fn mixed(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
