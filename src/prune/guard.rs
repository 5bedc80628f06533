//! When not to prune. Pure.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// So many reports may always be deleted, whatever their share: of a small table any is large.
const ALWAYS_PRUNED: i64 = 100;

/// Clocks that differ by more than this cannot both be right.
const MAX_DIFFERENCE: TimeDelta = TimeDelta::days(1);

/// Without an answer for so long, nothing but our own clocks says what time it is, and they may be one:
/// a private database shares the machine's. Then the share counts for few reports too.
const UNVOUCHED: TimeDelta = TimeDelta::days(31);

/// What the decision rests on.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Reports that ended before this day are past retention.
    pub cutoff: NaiveDate,
    /// This machine's clock.
    pub machine: DateTime<Utc>,
    /// The database's clock at that moment.
    pub database: DateTime<Utc>,
    /// When the last answer was received, by the database's clock, and what the vendor's clock showed.
    pub last_answer: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Reports that would be deleted.
    pub due: i64,
    /// All reports, counted no further than to where so many being due is allowed; `None` if it
    /// does not matter.
    pub total: Option<i64>,
}

/// Why a prune is refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// One of two clocks is far off, and what is past retention depends on the time.
    #[error(
        "it is {machine} by this machine's clock and {database} by the database's; they may differ by a day at \
         most. Set the wrong one right (--force does not overrule this)"
    )]
    Clocks {
        /// This machine's clock.
        machine: DateTime<Utc>,
        /// The database's clock.
        database: DateTime<Utc>,
    },
    /// As before, told by the last answer of the vendor.
    #[error(
        "when the last answer of LMP came, it was {vendor} by LMP's clock and {database} by the database's; they \
         may differ by a day at most. Set the database's clock right, then sync, so that there is a newer answer \
         to compare with (--force does not overrule this)"
    )]
    VendorClock {
        /// LMP's clock.
        vendor: DateTime<Utc>,
        /// The database's clock.
        database: DateTime<Utc>,
    },
    /// LMP has not answered for long, or the clocks have jumped together since it did.
    #[error(
        "it is {database} by the database's clock, and the last answer of LMP came at {last}, so nothing vouches for \
         the time; and by that time {due} of {total} reports are past retention. Sync first; if LMP does not answer \
         any more and the date is right, `lmp-billing-sync prune --force` does it"
    )]
    NoRecentAnswer {
        /// When the last answer came, by the database's clock.
        last: DateTime<Utc>,
        /// The database's clock.
        database: DateTime<Utc>,
        /// Reports that would be deleted.
        due: i64,
        /// All reports.
        total: i64,
    },
    /// It would delete very much.
    #[error(
        "it would delete {due} of {total} reports, all that ended before {cutoff}; that is {:.0} %, and \
         retention.max_prune_fraction allows {:.0} %. See what would go with `lmp-billing-sync prune --dry-run`; \
         if the date is right and retention.months is what you want, `lmp-billing-sync prune --force` does it",
        percent(*.due, *.total),
        .max_fraction * 100.0
    )]
    TooMany {
        /// Reports that would be deleted.
        due: i64,
        /// All reports.
        total: i64,
        /// The cutoff.
        cutoff: NaiveDate,
        /// The share allowed.
        max_fraction: f64,
    },
}

/// Says no where something is more likely wrong than wanted. `force` overrules what a person can
/// know better: not that clocks differ.
///
/// # Errors
/// The reason.
pub(super) fn judge(facts: &Facts, max_fraction: f64, force: bool) -> Result<(), Refusal> {
    let Facts { machine, database, .. } = *facts;
    if (machine - database).abs() > MAX_DIFFERENCE {
        return Err(Refusal::Clocks { machine, database });
    }
    if let Some((database, vendor)) = facts.last_answer
        && (vendor - database).abs() > MAX_DIFFERENCE
    {
        return Err(Refusal::VendorClock { vendor, database });
    }
    let Facts { due, cutoff, last_answer, .. } = *facts;
    match (facts.total, last_answer) {
        (Some(total), _) if force || share(due, total) <= max_fraction => Ok(()),
        (Some(total), _) if due > ALWAYS_PRUNED => Err(Refusal::TooMany { due, total, cutoff, max_fraction }),
        (Some(total), Some((last, _))) if due > may_always_go(database, last_answer) => {
            Err(Refusal::NoRecentAnswer { last, database, due, total })
        }
        _ => Ok(()),
    }
}

/// So many reports may go whatever their share, by this clock of the database.
pub(super) fn may_always_go(
    database: DateTime<Utc>,
    last_answer: Option<(DateTime<Utc>, DateTime<Utc>)>,
) -> i64 {
    match last_answer {
        Some((last, _)) if database - last > UNVOUCHED => 0,
        _ => ALWAYS_PRUNED,
    }
}

/// Of how many reports so many may be deleted: whatever there are beyond does not change the answer. `None`
/// where no number is enough.
pub(super) fn enough(due: i64, max_fraction: f64) -> Option<i64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of reports are far below 2^52")]
    let total = due as f64 / max_fraction;
    // A few more, so that rounding cannot make it too few.
    #[expect(clippy::cast_possible_truncation, reason = "it has just been compared")]
    (total < 1e15).then(|| total as i64 + 2)
}

#[expect(clippy::cast_precision_loss, reason = "counts of reports are far below 2^52")]
fn share(due: i64, total: i64) -> f64 {
    // What has come in between the two counts cannot make more than all.
    due as f64 / total.max(due).max(1) as f64
}

fn percent(due: i64, total: i64) -> f64 {
    share(due, total) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn facts(due: i64, total: i64) -> Facts {
        let now = at("2026-11-23T05:00:00Z");
        Facts {
            cutoff: "2024-11-23".parse().unwrap(),
            machine: now,
            database: now,
            last_answer: Some((at("2026-11-23T04:00:01Z"), at("2026-11-23T04:00:00Z"))),
            due,
            total: Some(total),
        }
    }

    fn allowed(due: i64, total: i64, max_fraction: f64) -> bool {
        judge(&facts(due, total), max_fraction, false).is_ok()
    }

    #[test]
    fn a_hundred_may_always_go_and_more_only_up_to_the_share() {
        assert!(allowed(100, 100, 0.25));
        assert!(!allowed(101, 101, 0.25));
        assert!(!allowed(101, 403, 0.25));
        assert!(allowed(101, 404, 0.25));
        assert!(allowed(0, 0, 0.0));
        assert!(!allowed(101, 1_000_000, 0.0));
        assert!(allowed(5000, 5000, 1.0));
    }

    #[test]
    fn counts_that_do_not_fit_together_are_no_reason_to_go_on() {
        assert!(!allowed(500, 0, 0.99));
        assert!(!allowed(500, 400, 0.99));
    }

    #[test]
    fn counting_further_than_enough_would_not_change_the_answer() {
        assert_eq!(enough(101, 0.0), None);
        for due in [101, 999, 41_666, 1_000_000] {
            for thousandths in 1..=1000 {
                let fraction = f64::from(thousandths) / 1000.0;
                let enough = enough(due, fraction).unwrap();
                assert!(allowed(due, enough, fraction), "{due} of {enough} at {fraction}");
                let too_few = enough - 4;
                assert!(
                    too_few < due || !allowed(due, too_few, fraction),
                    "{due} of {too_few} at {fraction}"
                );
            }
        }
    }

    #[test]
    fn what_was_not_counted_does_not_matter() {
        let few = Facts { total: None, ..facts(100, 0) };
        assert_eq!(judge(&few, 0.0, false), Ok(()));
    }

    #[test]
    fn force_overrules_numbers() {
        assert_eq!(judge(&facts(999, 1000), 0.25, true), Ok(()));
    }

    #[test]
    fn force_does_not_overrule_clocks() {
        let now = at("2026-11-23T05:00:00Z");
        for days in [-4383, -2, 2, 4383] {
            let off = now + TimeDelta::days(days);
            let machine = Facts { machine: off, ..facts(1, 1000) };
            assert_eq!(
                judge(&machine, 1.0, true),
                Err(Refusal::Clocks { machine: off, database: now }),
                "{days}"
            );
            let vendor = Facts { last_answer: Some((now, off)), ..facts(1, 1000) };
            assert_eq!(
                judge(&vendor, 1.0, true),
                Err(Refusal::VendorClock { vendor: off, database: now }),
                "{days}"
            );
        }
    }

    #[test]
    fn few_reports_go_by_their_share_where_no_answer_has_vouched_for_the_time_in_a_month() {
        let last = |days: i64, due| {
            let then = at("2026-11-23T05:00:00Z") - TimeDelta::days(days);
            Facts { last_answer: Some((then, then)), ..facts(due, 100) }
        };
        assert_eq!(judge(&last(31, 100), 0.25, false), Ok(()));
        let refused = judge(&last(12 * 365, 100), 0.25, false).unwrap_err();
        assert!(matches!(refused, Refusal::NoRecentAnswer { due: 100, total: 100, .. }), "{refused}");
        assert_eq!(judge(&last(12 * 365, 100), 0.25, true), Ok(()), "a person may know better");
        assert_eq!(judge(&last(12 * 365, 25), 0.25, false), Ok(()), "no more than always goes in a while");
        assert_eq!(judge(&last(12 * 365, 0), 0.25, false), Ok(()), "logs alone are no reason to ask");
    }

    #[test]
    fn a_day_between_the_clocks_is_tolerated() {
        let facts = facts(1, 1000);
        let day = TimeDelta::days(1);
        for machine in [facts.database - day, facts.database + day] {
            assert_eq!(judge(&Facts { machine, ..facts }, 0.25, false), Ok(()));
            let last_answer = Some((facts.database, machine));
            assert_eq!(judge(&Facts { last_answer, ..facts }, 0.25, false), Ok(()), "the vendor's");
        }
        let machine = facts.database + day + TimeDelta::microseconds(1);
        assert!(judge(&Facts { machine, ..facts }, 0.25, false).is_err());
        assert_eq!(judge(&Facts { last_answer: None, ..facts }, 0.25, false), Ok(()));
    }

    #[test]
    fn a_refusal_says_the_numbers_and_what_to_do() {
        let message = judge(&facts(300, 1000), 0.25, false).unwrap_err().to_string();
        for part in
            ["300 of 1000", "2024-11-23", "30 %", "25 %", "max_prune_fraction", "--dry-run", "--force"]
        {
            assert!(message.contains(part), "{part}: {message}");
        }
        let off = Facts { machine: at("2038-11-23T05:00:00Z"), ..facts(0, 0) };
        let message = judge(&off, 0.25, true).unwrap_err().to_string();
        for part in ["2038-11-23", "2026-11-23", "--force does not"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
