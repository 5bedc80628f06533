//! The fields of a cron expression, expanded by hand.

use super::clock::{DAY, Day, HOUR, MINUTE};

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The month's last day, among days.
const LAST: u32 = 32;

/// What a cron expression says, as plain lists.
pub(super) struct Fields {
    /// Seconds since midnight, ascending.
    times: Vec<i64>,
    /// Whether it is for every hour of the day.
    pub(super) every_hour: bool,
    months: Vec<u32>,
    /// `None` for `*`, as with weekdays.
    days: Option<Vec<u32>>,
    /// Sunday is 0. Some are for one week of the month only: the first is 1, and [`LAST`] the last.
    weekdays: Option<Vec<(u32, Option<u32>)>>,
}

impl Fields {
    pub(super) fn read(expression: &str) -> Self {
        let expression = match expression {
            "@monthly" => "0 0 1 * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let mut fields: Vec<_> = expression.split(' ').collect();
        if fields.len() == 5 {
            fields.insert(0, "0");
        }
        let [seconds, minutes, hours, days, months, weekdays] = fields[..] else {
            panic!("{expression:?} has {} fields", fields.len());
        };
        let hours = numbers(hours, 0, 23, &[]);
        let of_an_hour = product(&numbers(minutes, 0, 59, &[]), MINUTE, &numbers(seconds, 0, 59, &[]));
        let times = hours.iter().flat_map(|hour| of_an_hour.iter().map(move |s| i64::from(*hour) * HOUR + s));
        Self {
            times: times.collect(),
            every_hour: hours.len() == 24,
            months: numbers(months, 1, 12, &MONTHS),
            days: (days != "*").then(|| if days == "L" { vec![LAST] } else { numbers(days, 1, 31, &[]) }),
            weekdays: (weekdays != "*").then(|| weekdays.split(',').flat_map(weekdays_of).collect()),
        }
    }

    /// Every wall-clock time it names, on the given days.
    pub(super) fn on(&self, days: &[Day]) -> Vec<i64> {
        let days = days.iter().filter(|day| self.names(day));
        days.flat_map(|day| self.times.iter().map(|time| day.number * DAY + time)).collect()
    }

    /// As ever in cron, an expression that restricts days and weekdays is for either.
    fn names(&self, day: &Day) -> bool {
        let is_last = day.date == day.last_date;
        let by_day =
            self.days.as_ref().map(|days| days.contains(&day.date) || is_last && days.contains(&LAST));
        let in_week = |week| match week {
            LAST => day.date + 7 > day.last_date,
            week => day.date.div_ceil(7) == week,
        };
        let by_weekday = self.weekdays.as_ref().map(|weekdays| {
            weekdays.iter().any(|(weekday, week)| *weekday == day.weekday && week.is_none_or(in_week))
        });
        let is_named = match (by_day, by_weekday) {
            (Some(by_day), Some(by_weekday)) => by_day || by_weekday,
            (by_day, by_weekday) => by_day.or(by_weekday).unwrap_or(true),
        };
        is_named && self.months.contains(&day.month)
    }
}

fn product(larger: &[u32], unit: i64, smaller: &[u32]) -> Vec<i64> {
    larger.iter().flat_map(|l| smaller.iter().map(move |s| i64::from(*l) * unit + i64::from(*s))).collect()
}

fn weekdays_of(part: &str) -> Vec<(u32, Option<u32>)> {
    let (range, week) = match part.split_once('#') {
        Some((range, "L")) => (range, Some(LAST)),
        Some((range, week)) => (range, Some(week.parse().unwrap())),
        None => (part, None),
    };
    numbers(range, 0, 7, &WEEKDAYS).into_iter().map(|weekday| (weekday % 7, week)).collect()
}

/// The numbers that `*`, `a`, `a-b`, each with or without `/step`, and lists of them stand for.
fn numbers(field: &str, min: u32, max: u32, names: &[&str]) -> Vec<u32> {
    let mut all = Vec::new();
    for part in field.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (first, last) = match range.split_once('-') {
            Some((first, "SUN")) => (number(first, min, names), 7),
            Some((first, last)) => (number(first, min, names), number(last, min, names)),
            None if range == "*" => (min, max),
            None => (number(range, min, names), number(range, min, names)),
        };
        all.extend((first..=last).step_by(step.parse().unwrap()));
    }
    all.sort_unstable();
    all
}

/// Names count from `min`: Sunday is 0, January is 1.
fn number(text: &str, min: u32, names: &[&str]) -> u32 {
    match (min..).zip(names).find(|(_, name)| **name == text) {
        Some((number, _)) => number,
        None => text.parse().unwrap(),
    }
}
