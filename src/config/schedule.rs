//! `[schedule]`: when jobs are due.

use ::config::Value;
use chrono_tz::{TZ_VARIANTS, Tz};

use super::section::Section;
use super::suggest::closest;
use super::value::{Parsed, text};
use crate::schedule::CronSchedule;

/// When each job is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The zone of all schedules, and of what "today" is.
    pub timezone: Tz,
    /// The cycle that has just ended and the current one.
    pub discover: CronSchedule,
    /// Every open cycle.
    pub refresh: CronSchedule,
    /// Every cycle of the window.
    pub reconcile: CronSchedule,
    /// Deletes what is past retention.
    pub prune: CronSchedule,
}

impl Schedule {
    /// `None` if a schedule is wrong, which then is reported.
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let timezone = section.or("timezone", Tz::UTC, timezone);
        let discover = cron(section, "discover", "0 3 1 * *", timezone);
        let refresh = cron(section, "refresh", "0 */4 * * *", timezone);
        let reconcile = cron(section, "reconcile", "30 4 * * SUN", timezone);
        let prune = cron(section, "prune", "0 5 * * *", timezone);
        Some(Self { timezone, discover: discover?, refresh: refresh?, reconcile: reconcile?, prune: prune? })
    }
}

fn timezone(value: &Value) -> Parsed<Tz> {
    let name = text(value)?;
    name.parse().map_err(|_| match closest(name, TZ_VARIANTS.iter().map(|zone| zone.name())) {
        Some(zone) => format!("is not an IANA time zone; did you mean {zone}?"),
        None => "must be an IANA time zone, such as \"UTC\" or \"Europe/Berlin\"".to_owned(),
    })
}

fn cron(section: &mut Section<'_>, key: &'static str, default: &str, timezone: Tz) -> Option<CronSchedule> {
    let parse = |expression: &str| {
        CronSchedule::parse(expression, timezone).map_err(|error| {
            format!("{error}; write minute, hour, day, month, weekday, such as \"{default}\"")
        })
    };
    match section.take(key) {
        None => parse(default).ok(),
        Some(value) => section.settle(key, &value, text(&value).and_then(parse)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{load, problems, variables};

    #[test]
    fn the_defaults_hold_in_every_zone() {
        for zone in TZ_VARIANTS {
            let schedule = load(&format!("[schedule]\ntimezone = '{zone}'")).schedule;
            assert_eq!(schedule.timezone, zone);
            assert_eq!(schedule.refresh.timezone(), zone);
        }
    }

    #[test]
    fn an_unknown_zone_brings_a_suggestion() {
        assert_eq!(
            problems("[schedule]\ntimezone = 'Europe/Berln'"),
            ["schedule.timezone is not an IANA time zone; did you mean Europe/Berlin?"]
        );
        assert_eq!(
            problems("[schedule]\ntimezone = 'Mars'"),
            ["schedule.timezone must be an IANA time zone, such as \"UTC\" or \"Europe/Berlin\""]
        );
    }

    #[test]
    fn a_schedule_that_is_never_due_is_refused() {
        assert_eq!(
            problems("[schedule]\nrefresh = '30 2 30 2 *'"),
            ["schedule.refresh is a cron expression that is never due; \
              write minute, hour, day, month, weekday, such as \"0 */4 * * *\""]
        );
    }

    #[test]
    fn all_wrong_schedules_are_named_with_their_variable() {
        let error = variables(&[
            ("LMP_BILLING_SYNC__SCHEDULE__PRUNE", "daily"),
            ("LMP_BILLING_SYNC__SCHEDULE__DISCOVER", ""),
        ])
        .unwrap_err();
        let found: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
        assert!(
            found[0]
                .starts_with("schedule.discover (set by LMP_BILLING_SYNC__SCHEDULE__DISCOVER) is no cron")
        );
        assert!(found[1].starts_with("schedule.prune (set by LMP_BILLING_SYNC__SCHEDULE__PRUNE) is no cron"));
        assert_eq!(found.len(), 2);
    }
}
