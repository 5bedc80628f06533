//! The newest tick of a span of time, found without walking through all of them: the span may be years of seconds.

use chrono::{DateTime, TimeDelta, Utc};

use super::CronSchedule;

/// The first look back; each further one goes twice as far.
const FIRST_LOOK: TimeDelta = TimeDelta::minutes(1);

impl CronSchedule {
    /// The newest moment after `after`, and not after `until`, at which the job was due.
    ///
    /// Asks [`CronSchedule::next_after`] and nothing else, so the two cannot disagree about days on
    /// which clocks jump. How often it asks grows with the logarithm of the time between the newest
    /// tick and `until`, about 2 log2 of its seconds: forty times for a monthly job, a few times for
    /// one of each second, however long ago `after` is and however many ticks lie between.
    pub fn latest(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let due_after = |from| self.next_after(from).filter(|due| *due <= until);
        // Nothing is due after `silent`, up to `until`.
        let mut silent = until;
        let mut look = FIRST_LOOK;
        let mut newest = loop {
            if silent <= after {
                return None;
            }
            let from = until.checked_sub_signed(look).map_or(after, |from| from.max(after));
            match due_after(from) {
                Some(due) => break due,
                None => silent = from,
            }
            look = look.checked_add(&look).unwrap_or(TimeDelta::MAX);
        };
        // Ticks lie on whole seconds, so what is left in less than one is `newest` itself.
        while silent - newest >= TimeDelta::seconds(1) {
            let middle = newest + (silent - newest) / 2;
            match due_after(middle) {
                Some(due) => newest = due,
                None => silent = middle,
            }
        }
        Some(newest)
    }
}

#[cfg(test)]
mod tests {
    use std::iter::successors;

    use super::*;
    use crate::schedule::testing::{at, dice, schedule};
    use chrono_tz::{Africa, America, Australia, Europe, TZ_VARIANTS, Tz};

    const EXPRESSIONS: [&str; 10] = [
        "0 3 1 * *",
        "0 */4 * * *",
        "30 4 * * SUN",
        "30 2 * * *",
        "*/30 * * * *",
        "15,45 2,14 * * *",
        "7 */5 0-22 * * *",
        "*/30 59 23 L * *",
        "0 0 29 2 *",
        "0 0 * * 5",
    ];

    #[test]
    fn it_is_the_newest_of_many() {
        let discover = schedule("0 3 1 * *", Tz::UTC);
        let latest = |after, until| discover.latest(at(after), at(until));
        assert_eq!(latest("2025-12-01T03:00:00Z", "2026-11-23T00:00:00Z"), Some(at("2026-11-01T03:00:00Z")));
        assert_eq!(latest("2026-11-01T03:00:00Z", "2026-12-01T02:59:59.999Z"), None);
    }

    #[test]
    fn the_span_is_without_its_beginning_and_with_its_end() {
        let daily = schedule("0 5 * * *", Tz::UTC);
        let (first, second) = (at("2026-11-22T05:00:00Z"), at("2026-11-23T05:00:00Z"));
        assert_eq!(daily.latest(first, second), Some(second));
        assert_eq!(daily.latest(first, second - TimeDelta::nanoseconds(1)), None);
        assert_eq!(daily.latest(first - TimeDelta::nanoseconds(1), first), Some(first));
        assert_eq!(daily.latest(second, second), None);
        assert_eq!(daily.latest(second, first), None);
    }

    #[test]
    fn each_second_of_a_thousand_years_is_no_trouble() {
        let each_second = schedule("* * * * * *", Europe::Berlin);
        let now = at("2026-10-25T00:59:59.5Z");
        assert_eq!(each_second.latest(at("1026-01-01T00:00:00Z"), now), Some(at("2026-10-25T00:59:59Z")));
        let leap_days = schedule("0 0 29 2 *", Europe::Berlin);
        assert_eq!(leap_days.latest(DateTime::<Utc>::MIN_UTC, now), Some(at("2024-02-28T23:00:00Z")));
    }

    #[test]
    fn a_repeated_time_is_not_found_again_and_a_skipped_one_is_found_after_the_gap() {
        let night = schedule("30 2 * * *", Europe::Berlin);
        let latest = |until| night.latest(at("2026-01-01T00:00:00Z"), at(until)).unwrap();
        assert_eq!(latest("2026-10-25T01:45:00Z"), at("2026-10-25T00:30:00Z"));
        assert_eq!(latest("2026-03-29T00:59:59Z"), at("2026-03-28T01:30:00Z"));
        assert_eq!(latest("2026-03-29T01:00:00Z"), at("2026-03-29T01:00:00Z"));
    }

    #[test]
    fn it_is_the_last_of_all_that_come_next() {
        let mut dice = dice();
        let jumpy =
            [Europe::Berlin, Africa::Cairo, Africa::Casablanca, Australia::Lord_Howe, America::Havana];
        for _ in 0..400 {
            let zones = if dice.bool() { &jumpy[..] } else { &TZ_VARIANTS[..] };
            let zone = *dice.choice(zones).unwrap();
            let expression = dice.choice(EXPRESSIONS).unwrap();
            let schedule = schedule(expression, zone);
            let until = at("2007-01-01T00:00:00Z") + TimeDelta::milliseconds(dice.i64(0..900_000_000_000));
            // Begins some ticks before, so that there are few to go through, or none.
            let after = until - TimeDelta::milliseconds(1 << dice.u32(..33));
            let next = |tick: &DateTime<Utc>| schedule.next_after(*tick).filter(|tick| *tick <= until);
            let last = successors(next(&after), next).last();
            assert_eq!(schedule.latest(after, until), last, "{expression} {zone} {after} {until}");
        }
    }
}
