//! What a request asks for.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::world::{SimReport, World};
use crate::domain::{Cycle, KnownStatus, Retention, VENDOR_MONTHS};

/// The filter in a request's body. Every field is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    year: Option<i32>,
    month: Option<u32>,
    statuses: Option<Vec<KnownStatus>>,
}

impl Filter {
    /// Reads a body. An empty one filters nothing, like `{}`.
    ///
    /// How LMP treats fields it does not know is not documented. They are refused here, since a
    /// misspelt filter that is silently ignored would return everything.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let fields: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| Refusal::Filter(format!("the body is no JSON object: {error}")))?;
        let mut filter = Self::default();
        for (name, value) in &fields {
            let refused = || Refusal::Filter(format!("{name} cannot be {value}"));
            match name.as_str() {
                "report_cycle_year" => {
                    let year = number(value, 4).filter(|year| (1..=9999).contains(year));
                    filter.year = Some(year.ok_or_else(refused)?.cast_signed());
                }
                "report_cycle_month" => {
                    let month = number(value, 2).filter(|month| (1..=12).contains(month));
                    filter.month = Some(month.ok_or_else(refused)?);
                }
                "report_status" => filter.statuses = Some(statuses(value).ok_or_else(refused)?),
                _ => return Err(Refusal::Filter(format!("{name} is no field of this request"))),
            }
        }
        Ok(filter)
    }

    /// The one cycle asked for, if it is one.
    pub(super) fn cycle(&self) -> Option<Cycle> {
        format!("{:04}-{:02}", self.year?, self.month?).parse().ok()
    }

    /// The cycles that have answers, newest first: what the filter leaves of the two years LMP keeps.
    ///
    /// How old a report may be is the real clock's business, as at the vendor; what has happened yet
    /// is the world's.
    pub(super) fn cycles(&self, real: DateTime<Utc>, world: DateTime<Utc>) -> Vec<Cycle> {
        Retention { months: VENDOR_MONTHS }
            .window(real.date_naive())
            .cycles()
            .filter(|cycle| World::has_begun(*cycle, world))
            .filter(|cycle| self.year.is_none_or(|year| year == cycle.year()))
            .filter(|cycle| self.month.is_none_or(|month| month == cycle.month()))
            .collect()
    }

    /// Whether the filter names a cycle that LMP no longer keeps.
    pub(super) fn is_too_old(&self, real: DateTime<Utc>) -> bool {
        let oldest = Retention { months: VENDOR_MONTHS }.window(real.date_naive()).oldest();
        self.cycle().is_some_and(|cycle| cycle < oldest)
    }

    /// Whether a report has one of the statuses asked for.
    pub(super) fn admits(&self, report: &SimReport) -> bool {
        self.statuses.as_ref().is_none_or(|wanted| {
            KnownStatus::find(&report.status).is_some_and(|status| wanted.contains(&status))
        })
    }
}

/// A number, or text of exactly so many digits as the reference's example has.
fn number(value: &Value, digits: usize) -> Option<u32> {
    match value {
        Value::String(text) if text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().ok()
        }
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        _ => None,
    }
}

/// Codes as strings, which the reference's example sends, or as integers, which its prose says. What
/// an empty list means is unknown, so nobody should send one.
fn statuses(value: &Value) -> Option<Vec<KnownStatus>> {
    let codes = value.as_array().filter(|codes| !codes.is_empty())?;
    codes.iter().map(|code| KnownStatus::ALL.get(number(code, 1)? as usize).copied()).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn filter(body: &str) -> Filter {
        Filter::parse(body.as_bytes()).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn strings_and_integers_mean_the_same() {
        let strings = r#"{"report_cycle_year":"2018","report_cycle_month":"08","report_status":["0","1"]}"#;
        let integers = r#"{"report_cycle_year":2018,"report_cycle_month":8,"report_status":[0,1]}"#;
        assert_eq!(filter(strings), filter(integers));
        assert_eq!(filter(strings).cycle().unwrap().to_string(), "2018-08");
    }

    #[test]
    fn every_field_is_optional() {
        assert_eq!(filter("{}"), filter(""));
        assert_eq!(filter(r#"{"report_cycle_year":"2026"}"#).cycle(), None);
        let now = at("2026-08-09T10:00:00Z");
        let count = |body| filter(body).cycles(now, now).len();
        assert_eq!(count("{}"), 25);
        assert_eq!(count(r#"{"report_cycle_year":"2026"}"#), 8);
        assert_eq!(count(r#"{"report_cycle_month":"08"}"#), 3);
        assert_eq!(count(r#"{"report_cycle_year":"2025","report_cycle_month":"08"}"#), 1);
    }

    #[test]
    fn unknown_values_are_refused() {
        for wrong in [
            "[]",
            "null",
            "{",
            r#"{"report_cycle_year":"26"}"#,
            r#"{"report_cycle_year":"+026"}"#,
            r#"{"report_cycle_year":null}"#,
            r#"{"report_cycle_month":"8"}"#,
            r#"{"report_cycle_month":"13"}"#,
            r#"{"report_cycle_month":0}"#,
            r#"{"report_cycle_month":1.5}"#,
            r#"{"report_status":"0"}"#,
            r#"{"report_status":["5"]}"#,
            r#"{"report_status":["Approved"]}"#,
            r#"{"report_status":[-1]}"#,
            r#"{"report_status":[]}"#,
            r#"{"report_cycle_moth":"08"}"#,
        ] {
            assert!(matches!(Filter::parse(wrong.as_bytes()), Err(Refusal::Filter(_))), "{wrong} was taken");
        }
    }

    #[test]
    fn two_years_count_by_the_real_clock_and_the_future_by_the_worlds() {
        let real = at("2026-08-09T10:00:00Z");
        let world = at("2025-01-31T23:00:00Z");
        let cycles = filter("{}").cycles(real, world);
        assert_eq!(cycles.first().unwrap().to_string(), "2025-01");
        assert_eq!(cycles.last().unwrap().to_string(), "2024-08");
        let old = filter(r#"{"report_cycle_year":"2024","report_cycle_month":"07"}"#);
        assert!(old.is_too_old(real));
        assert_eq!(old.cycles(real, real), []);
        assert!(!filter(r#"{"report_cycle_year":"2024","report_cycle_month":"08"}"#).is_too_old(real));
    }

    #[test]
    fn only_the_statuses_asked_for_are_listed() {
        let cycle = "2026-08".parse().unwrap();
        let report = |status| SimReport::new(Uuid::from_u128(1), "Nordlicht", cycle, status);
        let open = filter(r#"{"report_status":["0",3]}"#);
        assert!(open.admits(&report("Msp Preparing")));
        assert!(open.admits(&report("Rejected")));
        assert!(!open.admits(&report("Completed")));
        assert!(!open.admits(&report("On Hold")));
        assert!(filter("{}").admits(&report("On Hold")));
    }
}
