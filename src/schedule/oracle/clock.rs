//! A clock on the wall, watched for years, and the calendar beside it. All in whole seconds.

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// A time in which clocks keep their distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stretch {
    /// When it begins: seconds since 1970, as is `until`.
    pub(super) from: i64,
    /// When it is over.
    pub(super) until: i64,
    /// What clocks are ahead of UTC.
    pub(super) offset: i64,
}

/// Looks at a zone's clock every few hours, and closer wherever it was set.
pub(super) fn watch(zone: Tz, from: i64, until: i64) -> Vec<Stretch> {
    // Nobody ever set the clocks twice within this time.
    const LOOK: i64 = 6 * HOUR;
    let mut stretches = Vec::new();
    let (mut begin, mut seen) = (from, from);
    let mut offset = offset_at(zone, from);
    while seen < until {
        let look = (seen + LOOK).min(until);
        let found = offset_at(zone, look);
        if found != offset {
            // What it was, it still is at `before`, and is no longer at `first`.
            let (mut before, mut first) = (seen, look);
            while first - before > 1 {
                let middle = before.midpoint(first);
                if offset_at(zone, middle) == offset { before = middle } else { first = middle }
            }
            stretches.push(Stretch { from: begin, until: first, offset });
            (begin, offset) = (first, found);
        }
        seen = look;
    }
    stretches.push(Stretch { from: begin, until, offset });
    stretches
}

/// When jobs at the times `walls` (seconds on the wall, ascending) are due.
///
/// Every hour: whenever clocks show one of them. Else: the first time that they show one, or that
/// they have just jumped over one.
pub(super) fn due(stretches: &[Stretch], walls: &[i64], every_hour: bool) -> Vec<i64> {
    let mut due = Vec::new();
    // The latest time that clocks have shown or jumped over.
    let mut reached = stretches[0].from + stretches[0].offset - 1;
    for stretch in stretches {
        let (first, last) = (stretch.from + stretch.offset, stretch.until + stretch.offset - 1);
        if every_hour {
            due.extend(between(walls, first - 1, last).iter().map(|wall| wall - stretch.offset));
            continue;
        }
        if !between(walls, reached, first).is_empty() {
            due.push(stretch.from);
        }
        reached = reached.max(first);
        due.extend(between(walls, reached, last).iter().map(|wall| wall - stretch.offset));
        reached = reached.max(last);
    }
    due
}

/// Those after `after` and not after `until`.
pub(super) fn between(sorted: &[i64], after: i64, until: i64) -> &[i64] {
    let sorted = &sorted[sorted.partition_point(|second| *second <= after)..];
    &sorted[..sorted.partition_point(|second| *second <= until)]
}

fn offset_at(zone: Tz, second: i64) -> i64 {
    let instant = DateTime::<Utc>::from_timestamp(second, 0).unwrap().naive_utc();
    zone.offset_from_utc_datetime(&instant).fix().local_minus_utc().into()
}

/// A day of the calendar.
pub(super) struct Day {
    /// Days since 1 January 1970.
    pub(super) number: i64,
    /// 1 to 12.
    pub(super) month: u32,
    /// 1 to 31.
    pub(super) date: u32,
    /// The month's last.
    pub(super) last_date: u32,
    /// Sunday is 0.
    pub(super) weekday: u32,
}

/// Every day from 1970, a Thursday, up to the end of a year.
pub(super) fn calendar(last_year: u32) -> Vec<Day> {
    let mut days = Vec::new();
    let (mut number, mut weekday) = (0, 4);
    for year in 1970..=last_year {
        let is_leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
        let february = if is_leap { 29 } else { 28 };
        for (month, last_date) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
            for date in 1..=last_date {
                days.push(Day { number, month, date, last_date, weekday });
                (number, weekday) = (number + 1, (weekday + 1) % 7);
            }
        }
    }
    days
}
