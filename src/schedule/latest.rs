//! Which tick is due, and since when one has been: a job *counts from* its newest claimed tick, or from the
//! moment it came on its schedule if it has none. Only the newest tick since then is ever run: claiming it
//! settles those before it. It is found without walking through all of them: the span may be years of seconds.

use std::time::Duration;

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

    /// The oldest tick since `counts_from`, if it came more than `grace` ago: since then the job has been behind.
    pub fn behind_since(
        &self,
        counts_from: DateTime<Utc>,
        now: DateTime<Utc>,
        grace: Duration,
    ) -> Option<DateTime<Utc>> {
        let tolerated = now.checked_sub_signed(TimeDelta::from_std(grace).ok()?)?;
        self.next_after(counts_from).filter(|due| *due < tolerated)
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
    fn a_tick_is_due_from_its_moment_on_until_it_is_claimed() {
        let refresh = schedule("0 */4 * * *", Tz::UTC);
        let due = |counts_from, now| refresh.latest(at(counts_from), at(now));
        assert_eq!(due("2026-11-23T00:30:00Z", "2026-11-23T03:59:59.999Z"), None);
        let at_four = Some(at("2026-11-23T04:00:00Z"));
        assert_eq!(due("2026-11-23T00:30:00Z", "2026-11-23T04:00:00Z"), at_four);
        assert_eq!(due("2026-11-23T00:30:00Z", "2026-11-23T07:59:59Z"), at_four);
        assert_eq!(due("2026-11-23T04:00:00Z", "2026-11-23T07:59:59Z"), None);
    }

    #[test]
    fn while_the_clock_is_back_nothing_is_due_and_no_job_behind() {
        let prune = schedule("0 5 * * *", Tz::UTC);
        let (claimed, back) = (at("2026-11-23T05:00:00Z"), at("2026-11-20T12:00:00Z"));
        assert_eq!(prune.latest(claimed, back), None);
        assert_eq!(prune.behind_since(claimed, back, Duration::ZERO), None);
    }

    #[test]
    fn a_job_is_behind_since_its_oldest_unclaimed_tick_once_the_grace_is_over() {
        let refresh = schedule("0 */4 * * *", Tz::UTC);
        let counts_from = at("2026-11-23T00:00:00Z");
        let behind = |now| refresh.behind_since(counts_from, at(now), Duration::from_mins(10));
        assert_eq!(behind("2026-11-23T04:10:00Z"), None);
        assert_eq!(behind("2026-11-23T04:10:01Z"), Some(at("2026-11-23T04:00:00Z")));
        assert_eq!(behind("2026-11-24T00:00:00Z"), Some(at("2026-11-23T04:00:00Z")));
        assert_eq!(refresh.behind_since(DateTime::UNIX_EPOCH, counts_from, Duration::MAX), None);
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

    /// A daemon whose clock jumps, mostly ahead, and which claims whatever is due.
    #[test]
    fn no_tick_is_due_twice_or_ahead_of_its_time_and_none_is_forgotten() {
        let mut dice = dice();
        let zones = [
            Tz::UTC,
            Europe::Berlin,
            Africa::Casablanca,
            Australia::Lord_Howe,
            America::Havana,
            America::Asuncion,
        ];
        let expressions = ["0 */4 * * *", "30 2 * * *", "0 0 L * *", "*/30 * * * *", "45 0,2,3 * * *"];
        for _ in 0..60 {
            let zone = *dice.choice(&zones).unwrap();
            let expression = dice.choice(expressions).unwrap();
            let schedule = schedule(expression, zone);
            let mut now = at("2007-01-01T00:00:00Z") + TimeDelta::seconds(dice.i64(0..900_000_000));
            let mut counts_from = now;
            for _ in 0..60 {
                let step = TimeDelta::milliseconds(1 << dice.u32(0..31));
                now = if dice.u8(..8) == 0 { now - step } else { now + step };
                let announced = schedule.next_after(counts_from.max(now));
                let is_late = schedule.behind_since(counts_from, now, Duration::ZERO);
                let found = schedule.latest(counts_from, now);
                let case = format!("{expression} {zone} counts from {counts_from}, now {now}: {found:?}");
                assert!(is_late.is_none() || found.is_some(), "{case}");
                if let Some(due_at) = found {
                    assert!(counts_from < due_at && due_at <= now, "{case}");
                    counts_from = due_at;
                    assert_eq!(schedule.latest(counts_from, now), None, "{case}");
                }
                assert_eq!(schedule.next_after(counts_from), announced, "{case}");
            }
        }
    }
}
