//! The zones of the world, those whose clocks agree for years taken together.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, LocalResult, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::clock::{DAY, MINUTE, Stretch, watch};

/// Zones whose clocks agree.
pub(super) struct Class {
    /// One of them.
    pub(super) zone: Tz,
    pub(super) stretches: Vec<Stretch>,
}

impl Class {
    /// When clocks were set.
    pub(super) fn changes(&self) -> impl Iterator<Item = i64> {
        self.stretches.iter().skip(1).map(|stretch| stretch.from)
    }
}

/// All zones there are, in classes; `from` and `until` are seconds since 1970.
pub(super) fn classes(from: i64, until: i64) -> Vec<Class> {
    let mut classes = BTreeMap::<Vec<Stretch>, Tz>::new();
    for zone in TZ_VARIANTS {
        let stretches = watch(zone, from, until);
        match classes.get(&stretches) {
            Some(first) => assert_read_walls_alike(*first, zone, &stretches),
            None => _ = classes.insert(stretches, zone),
        }
    }
    classes.into_iter().map(|(stretches, zone)| Class { zone, stretches }).collect()
}

/// Schedules also ask zones what instant a time on the wall is; the oracle never does.
fn assert_read_walls_alike(one: Tz, other: Tz, stretches: &[Stretch]) {
    for stretch in stretches {
        for end in [stretch.from, stretch.until] {
            let wall = end + stretch.offset;
            for wall in (wall - DAY..=wall + DAY).step_by(usize::try_from(15 * MINUTE).unwrap()) {
                assert_eq!(instants(one, wall), instants(other, wall), "{one} and {other} at {wall}");
            }
        }
    }
}

fn instants(zone: Tz, wall: i64) -> LocalResult<FixedOffset> {
    let wall = DateTime::from_timestamp(wall, 0).unwrap().naive_utc();
    zone.offset_from_local_datetime(&wall).map(|offset| offset.fix())
}
