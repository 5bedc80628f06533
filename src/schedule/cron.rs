//! A cron expression in a time zone.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// Longer than any gap a zone has ever had: Samoa skipped a whole day in 2011.
const LONGEST_GAP_SECONDS: u32 = 26 * 3600;

/// A job's schedule: five fields, or six with the seconds first, or an alias such as `@monthly`.
///
/// A schedule for certain hours names times of the day. Each of them happens once a day: one that a
/// clock change skips is due right after the gap, one that it repeats is due the first time. A
/// schedule for every hour (`*/30 * * * *`) is an interval and runs straight through both.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    timezone: Tz,
    cron: Cron,
}

/// Why a text is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// It is no cron expression. The parser's reason is not passed on: it repeats parts of the text.
    #[error("is no cron expression")]
    Syntax,
    /// It names a day that no calendar has.
    #[error("is a cron expression that is never due")]
    NeverDue,
}

impl CronSchedule {
    /// Reads a cron expression, whose times are those of `timezone`.
    ///
    /// # Errors
    ///
    /// When it does not parse, or when it has no occurrence at all, such as one for 30 February.
    pub fn parse(expression: &str, timezone: Tz) -> Result<Self, InvalidSchedule> {
        // Without years an expression repeats with the calendar, so that "never after 1970" is never.
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(expression).map_err(|_| InvalidSchedule::Syntax)?;
        let schedule = Self { timezone, cron };
        match schedule.next_after(DateTime::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(InvalidSchedule::NeverDue),
        }
    }

    /// The first moment after `after` at which the job is due.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Occurrences lie on whole seconds, so the fraction decides nothing.
        let after = after.with_nanosecond(0)?;
        let local = after.with_timezone(&self.timezone);
        if self.is_interval() {
            return self.cron.find_next_occurrence(&local, false).ok().map(|due| due.to_utc());
        }
        // From here on wall-clock times are searched as if clocks never jumped, and only what is
        // found is put on the real time line. That mapping never goes back, so nothing due after
        // `after` can hide before its wall-clock time.
        let mut wall = local.naive_local();
        loop {
            wall = self.cron.find_next_occurrence(&wall.and_utc(), false).ok()?.naive_utc();
            let due = self.first_instant(wall)?;
            if due > after {
                return Some(due);
            }
        }
    }

    /// The zone whose clock the expression is read on.
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    fn is_interval(&self) -> bool {
        self.cron.pattern.hours.values().len() == 24
    }

    /// When clocks show `wall` for the first time; if they skip it, when they go on after the gap.
    fn first_instant(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let instant = |wall| match self.timezone.from_local_datetime(&wall) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant.to_utc()),
            LocalResult::None => None,
        };
        (0..=LONGEST_GAP_SECONDS)
            .find_map(|seconds| instant(wall.checked_add_signed(TimeDelta::seconds(seconds.into()))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::{at, schedule, ticks};
    use chrono_tz::{Africa, America, Australia, Europe, Pacific};

    #[test]
    fn a_time_in_the_gap_is_due_right_after_it() {
        assert_eq!(
            ticks("30 2 * * *", Europe::Berlin, "2026-03-28T00:00:00Z", 3),
            ["03-28 02:30 CET", "03-29 03:00 CEST", "03-30 02:30 CEST"]
        );
        // Here midnight itself is skipped.
        assert_eq!(
            ticks("0 */12 * * *", Africa::Cairo, "2026-04-23T12:00:00Z", 3),
            ["04-24 01:00 EEST", "04-24 12:00 EEST", "04-25 00:00 EEST"]
        );
        assert_eq!(ticks("10 2 * * *", Australia::Lord_Howe, "2026-10-03T00:00:00Z", 1), ["10-04 02:30 +11"]);
    }

    #[test]
    fn several_times_in_one_gap_are_one_tick() {
        assert_eq!(
            ticks("15,45 2,14 * * *", Europe::Berlin, "2026-03-28T14:00:00Z", 3),
            ["03-29 03:00 CEST", "03-29 14:15 CEST", "03-29 14:45 CEST"]
        );
    }

    #[test]
    fn a_repeated_time_is_due_once_the_first_time() {
        assert_eq!(
            ticks("30 2 * * *", Europe::Berlin, "2026-10-24T12:00:00Z", 2),
            ["10-25 02:30 CEST", "10-26 02:30 CET"]
        );
        assert_eq!(
            ticks("30 2,14 * * *", Europe::Berlin, "2026-10-24T13:00:00Z", 2),
            ["10-25 02:30 CEST", "10-25 14:30 CET"]
        );
        // Asked during the second pass, the first one counts as done.
        assert_eq!(ticks("30 2 * * *", Europe::Berlin, "2026-10-25T01:10:00Z", 1), ["10-26 02:30 CET"]);
    }

    #[test]
    fn an_interval_runs_straight_through_both() {
        assert_eq!(
            ticks("*/30 * * * *", Europe::Berlin, "2026-10-25T00:00:00Z", 4),
            ["10-25 02:30 CEST", "10-25 02:00 CET", "10-25 02:30 CET", "10-25 03:00 CET"]
        );
        assert_eq!(
            ticks("30 * * * *", Europe::Berlin, "2026-03-29T00:00:00Z", 2),
            ["03-29 01:30 CET", "03-29 03:30 CEST"]
        );
    }

    #[test]
    fn a_skipped_day_is_made_up_for_when_clocks_go_on() {
        assert_eq!(
            ticks("0 5 * * *", Pacific::Apia, "2011-12-29T16:00:00Z", 2),
            ["12-31 00:00 +14", "12-31 05:00 +14"]
        );
    }

    #[test]
    fn the_default_schedules_mean_what_they_say() {
        assert_eq!(ticks("0 3 1 * *", Tz::UTC, "2026-11-01T03:00:00Z", 1), ["12-01 03:00 UTC"]);
        assert_eq!(
            ticks("0 */4 * * *", Tz::UTC, "2026-11-01T19:59:59.9Z", 2),
            ["11-01 20:00 UTC", "11-02 00:00 UTC"]
        );
        assert_eq!(ticks("30 4 * * SUN", Tz::UTC, "2026-11-23T00:00:00Z", 1), ["11-29 04:30 UTC"]);
    }

    #[test]
    fn the_next_tick_lies_after_the_moment_asked_about_whatever_its_fraction() {
        let schedule = schedule("0 5 * * *", Tz::UTC);
        let due = at("2026-11-23T05:00:00Z");
        assert_eq!(schedule.next_after(at("2026-11-23T04:59:59.999Z")), Some(due));
        assert_eq!(schedule.next_after(due), Some(at("2026-11-24T05:00:00Z")));
        assert_eq!(schedule.next_after(at("2026-11-23T05:00:00.5Z")), Some(at("2026-11-24T05:00:00Z")));
    }

    #[test]
    fn aliases_seconds_and_the_last_day_are_understood() {
        assert_eq!(ticks("@monthly", America::Sao_Paulo, "2026-11-23T00:00:00Z", 1), ["12-01 00:00 -03"]);
        assert_eq!(ticks("@Daily", Tz::UTC, "2026-11-23T00:00:00Z", 1), ["11-24 00:00 UTC"]);
        assert_eq!(ticks("0 15 3 * * *", Tz::UTC, "2026-11-23T00:00:00Z", 1), ["11-23 03:15 UTC"]);
        assert_eq!(ticks("0 3 L * *", Tz::UTC, "2028-02-01T00:00:00Z", 1), ["02-29 03:00 UTC"]);
    }

    #[test]
    fn the_29th_of_february_waits_for_leap_years() {
        let leap_day = schedule("0 3 29 2 *", Tz::UTC);
        let next = |after: &str| leap_day.next_after(at(after)).unwrap().to_string();
        assert_eq!(next("2026-11-23T00:00:00Z"), "2028-02-29 03:00:00 UTC");
        assert_eq!(next("2096-02-29T03:00:00Z"), "2104-02-29 03:00:00 UTC");
        // 2100 is no leap year.
        assert_eq!(ticks("0 3 L 2 *", Tz::UTC, "2100-01-01T00:00:00Z", 1), ["02-28 03:00 UTC"]);
    }

    #[test]
    fn what_can_never_be_due_is_refused() {
        for never in ["30 2 30 2 *", "0 0 31 4,6 *", "0 0 30,31 2 *"] {
            assert_eq!(CronSchedule::parse(never, Europe::Berlin).unwrap_err(), InvalidSchedule::NeverDue);
        }
        assert!(CronSchedule::parse("30 2 29 2 *", Europe::Berlin).is_ok());
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for wrong in ["", "daily", "@reboot", "* * * *", "61 * * * *", "0 3 1 * * * 2030", "0 3 1 * ?x"] {
            let error = CronSchedule::parse(wrong, Tz::UTC).unwrap_err();
            assert_eq!(error, InvalidSchedule::Syntax, "{wrong:?}");
        }
    }
}
