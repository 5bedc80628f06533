//! Which tick to run, and when to look again.
//!
//! A job *counts from* its newest claimed tick, or from the moment it came on its schedule if it has
//! none. Only the newest tick since then is ever run: claiming it settles those before it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::CronSchedule;

/// Why a tick is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its moment has come.
    Schedule,
    /// Nobody was awake when it came.
    CatchUp,
}

/// A moment at which a job is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The moment by the schedule, not the one at which it was noticed.
    pub due_at: DateTime<Utc>,
    /// Why it is run.
    pub why: Why,
}

/// The tick to claim: the newest one after `counts_from` whose moment has come.
///
/// One that came before `awake_since`, when this daemon started or the machine woke, was missed.
/// While the clock is behind `counts_from`, because it was set back, nothing is due.
pub fn due(
    schedule: &CronSchedule,
    counts_from: DateTime<Utc>,
    now: DateTime<Utc>,
    awake_since: DateTime<Utc>,
) -> Option<Tick> {
    let due_at = schedule.latest(counts_from, now)?;
    let why = if due_at < awake_since { Why::CatchUp } else { Why::Schedule };
    Some(Tick { due_at, why })
}

/// The next moment at which something comes due that is not due now.
///
/// Ask again at every look at the clock instead of keeping the answer: one given while the clock was
/// wrong is wrong too.
pub fn next(
    schedule: &CronSchedule,
    counts_from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    schedule.next_after(counts_from.max(now))
}

/// The oldest unclaimed tick, if it came more than `grace` ago: since then the job has been behind.
pub fn overdue_since(
    schedule: &CronSchedule,
    counts_from: DateTime<Utc>,
    now: DateTime<Utc>,
    grace: Duration,
) -> Option<DateTime<Utc>> {
    let tolerated = now.checked_sub_signed(TimeDelta::from_std(grace).ok()?)?;
    schedule.next_after(counts_from).filter(|due| *due < tolerated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::testing::{at, dice, schedule};
    use chrono_tz::{Africa, America, Australia, Europe, Tz};

    fn tick(due_at: &str, why: Why) -> Tick {
        Tick { due_at: at(due_at), why }
    }

    #[test]
    fn a_tick_is_due_from_its_moment_on_until_it_is_claimed() {
        let refresh = schedule("0 */4 * * *", Tz::UTC);
        let awake_since = at("2026-11-23T00:30:00Z");
        let due = |counts_from, now| due(&refresh, at(counts_from), at(now), awake_since);
        assert_eq!(due("2026-11-23T00:30:00Z", "2026-11-23T03:59:59.999Z"), None);
        let at_four = Some(tick("2026-11-23T04:00:00Z", Why::Schedule));
        assert_eq!(due("2026-11-23T00:30:00Z", "2026-11-23T04:00:00Z"), at_four);
        assert_eq!(due("2026-11-23T00:30:00Z", "2026-11-23T07:59:59Z"), at_four);
        assert_eq!(due("2026-11-23T04:00:00Z", "2026-11-23T07:59:59Z"), None);
    }

    #[test]
    fn three_days_of_sleep_are_caught_up_with_once_per_job() {
        let (asleep, awake) = (at("2026-11-20T18:10:00Z"), at("2026-11-23T18:12:00Z"));
        let jobs = [
            ("0 3 1 * *", None),
            ("0 */4 * * *", Some(tick("2026-11-23T16:00:00Z", Why::CatchUp))),
            ("30 4 * * SUN", Some(tick("2026-11-22T04:30:00Z", Why::CatchUp))),
            ("0 5 * * *", Some(tick("2026-11-23T05:00:00Z", Why::CatchUp))),
        ];
        for (expression, expected) in jobs {
            let schedule = schedule(expression, Tz::UTC);
            let found = due(&schedule, asleep, awake, awake);
            assert_eq!(found, expected, "{expression}");
            if let Some(claimed) = found {
                assert_eq!(due(&schedule, claimed.due_at, awake, awake), None, "{expression}");
            }
        }
    }

    #[test]
    fn what_comes_due_at_the_moment_of_waking_was_not_missed() {
        let prune = schedule("0 5 * * *", Tz::UTC);
        let (before, five) = (at("2026-11-22T12:00:00Z"), at("2026-11-23T05:00:00Z"));
        let why = |awake_since| due(&prune, before, five + TimeDelta::seconds(9), awake_since).unwrap().why;
        assert_eq!(why(five), Why::Schedule);
        assert_eq!(why(five + TimeDelta::nanoseconds(1)), Why::CatchUp);
    }

    #[test]
    fn while_the_clock_is_back_nothing_is_due_and_the_next_tick_is_none_that_was_claimed() {
        let prune = schedule("0 5 * * *", Tz::UTC);
        let (claimed, back) = (at("2026-11-23T05:00:00Z"), at("2026-11-20T12:00:00Z"));
        assert_eq!(due(&prune, claimed, back, back), None);
        assert_eq!(overdue_since(&prune, claimed, back, Duration::ZERO), None);
        assert_eq!(next(&prune, claimed, back), Some(at("2026-11-24T05:00:00Z")));
    }

    #[test]
    fn a_job_is_behind_since_its_oldest_unclaimed_tick_once_the_grace_is_over() {
        let refresh = schedule("0 */4 * * *", Tz::UTC);
        let grace = Duration::from_mins(10);
        let behind = |now| overdue_since(&refresh, at("2026-11-23T00:00:00Z"), at(now), grace);
        assert_eq!(behind("2026-11-23T04:10:00Z"), None);
        assert_eq!(behind("2026-11-23T04:10:01Z"), Some(at("2026-11-23T04:00:00Z")));
        assert_eq!(behind("2026-11-24T00:00:00Z"), Some(at("2026-11-23T04:00:00Z")));
        assert_eq!(
            overdue_since(&refresh, DateTime::UNIX_EPOCH, at("2026-11-23T00:00:00Z"), Duration::MAX),
            None
        );
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
            let (mut counts_from, mut awake_since) = (now, now);
            for _ in 0..60 {
                let step = TimeDelta::milliseconds(1 << dice.u32(0..31));
                let is_asleep = dice.u8(..8) == 0;
                now = if dice.u8(..8) == 0 { now - step } else { now + step };
                awake_since = if is_asleep { now } else { awake_since };
                let announced = next(&schedule, counts_from, now).unwrap();
                assert!(announced > now && announced > counts_from);
                let is_late = overdue_since(&schedule, counts_from, now, Duration::ZERO);
                let found = due(&schedule, counts_from, now, awake_since);
                let case = format!("{expression} {zone} counts from {counts_from}, now {now}: {found:?}");
                assert!(is_late.is_none() || found.is_some(), "{case}");
                if let Some(Tick { due_at, why }) = found {
                    assert!(counts_from < due_at && due_at <= now, "{case}");
                    assert_eq!(why == Why::CatchUp, due_at < awake_since, "{case}");
                    assert_eq!(schedule.next_after(due_at), Some(announced), "{case}");
                    counts_from = due_at;
                    assert_eq!(due(&schedule, counts_from, now, awake_since), None, "{case}");
                } else {
                    assert_eq!(schedule.next_after(counts_from), Some(announced), "{case}");
                }
            }
        }
    }
}
