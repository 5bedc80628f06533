//! Schedules compared with a naive reading of the rules, which shares no code with them.
//!
//! The oracle expands the fields by hand into times on the wall, watches each zone's clock from UTC,
//! and notes when it first shows or passes each of them. It never asks what instant a time on the
//! wall is, which is where libraries differ.
//!
//! Schedules that are due often are compared around changes of clocks only. For all of it:
//! `cargo test --release --lib schedule::oracle -- --include-ignored --nocapture`

mod clock;
mod expressions;
mod fields;
mod zones;

use std::fmt;
use std::num::NonZero;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chrono::{DateTime, Utc};

use self::clock::{DAY, HOUR, MINUTE, between, calendar, due};
use self::expressions::{DENSE, SPARSE};
use self::fields::Fields;
use self::zones::{Class, classes};
use super::CronSchedule;
use super::testing::at;

/// How far around a change of clocks, in seconds, the next tick is asked for.
const AROUND: [i64; 9] = [-DAY, -HOUR, -30 * MINUTE - 1, -1, 0, 1, 30 * MINUTE, HOUR - 1, HOUR + 10 * MINUTE];

/// Ten years, and what is asked of them.
struct Decade {
    from: i64,
    until: i64,
    questions: Vec<Question>,
}

struct Question {
    expression: &'static str,
    fields: Fields,
    /// The times it names on the wall, and some beyond either end.
    walls: Vec<i64>,
    /// Not only around changes of clocks.
    in_full: bool,
}

/// How many answers were compared.
#[derive(Default)]
struct Compared {
    ticks: usize,
    asked: usize,
    differences: Vec<String>,
}

impl Decade {
    fn new(first_year: u32, expressions: &[&'static str], in_full: bool) -> Self {
        let new_year = |year| at(&format!("{year}-01-01T00:00:00Z")).timestamp();
        let (from, until) = (new_year(first_year), new_year(first_year + 10));
        let mut days = calendar(first_year + 10);
        days.retain(|day| (from - 3 * DAY..until + 3 * DAY).contains(&(day.number * DAY)));
        let question = |expression: &&'static str| {
            let fields = Fields::read(expression);
            Question { expression, walls: fields.on(&days), fields, in_full }
        };
        Self { from, until, questions: expressions.iter().map(question).collect() }
    }

    /// Compares every class of zones, on as many threads as there are processors.
    fn compare(&self) {
        let classes = classes(self.from - 2 * DAY, self.until);
        let taken = AtomicUsize::new(0);
        let work = || {
            let mut compared = Compared::default();
            while let Some(class) = classes.get(taken.fetch_add(1, Ordering::Relaxed)) {
                for question in &self.questions {
                    compared += question.compare(class, self.from, self.until);
                }
            }
            compared
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let mut compared = Compared::default();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                compared += worker.join().unwrap();
            }
        });
        let (zones, expressions) = (chrono_tz::TZ_VARIANTS.len(), self.questions.len());
        println!("{zones} zones in {} classes, {expressions} expressions: {compared}", classes.len());
        assert!(compared.ticks > 0 && compared.differences.is_empty());
    }
}

impl Question {
    fn compare(&self, class: &Class, from: i64, until: i64) -> Compared {
        let schedule = CronSchedule::parse(self.expression, class.zone).unwrap();
        let due = due(&class.stretches, &self.walls, self.fields.every_hour);
        let mut compared = Compared::default();
        let mut ask = |after: i64| {
            // The oracle knows nothing of what lies beyond the ten years.
            let found = schedule.next_after(instant(after)).map(|due| due.timestamp());
            let found = found.filter(|found| *found < until);
            let expected = between(&due, after, until).first().copied();
            compared.asked += 1;
            if found != expected {
                let [after, found, expected] = [Some(after), found, expected]
                    .map(|second| second.map(|second| instant(second).with_timezone(&class.zone)));
                let text = format!("{} after {after:?}: {found:?}, not {expected:?}", self.expression);
                compared.differences.push(text);
            }
        };
        let changes: Vec<_> = class.changes().filter(|change| (from..until).contains(change)).collect();
        let spans = if self.in_full {
            vec![(from, until)]
        } else {
            changes.iter().map(|change| (change - 2 * DAY, change + 2 * DAY)).collect()
        };
        let mut ticks = 0;
        for (from, until) in spans {
            let in_span = between(&due, from, until);
            ticks += in_span.len();
            ask(from);
            for tick in in_span {
                ask(*tick);
            }
        }
        for change in changes {
            for around in AROUND {
                ask(change + around);
            }
        }
        compared.ticks = ticks;
        compared
    }
}

impl AddAssign for Compared {
    fn add_assign(&mut self, other: Self) {
        self.ticks += other.ticks;
        self.asked += other.asked;
        self.differences.extend(other.differences);
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ticks, asked, differences } = self;
        write!(f, "{ticks} ticks, {asked} questions, {} differences", differences.len())?;
        differences.iter().take(20).try_for_each(|difference| write!(f, "\n{difference}"))
    }
}

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

#[test]
fn the_next_ten_years_hold_no_surprise() {
    Decade::new(2026, &SPARSE, true).compare();
    Decade::new(2026, &DENSE, false).compare();
}

#[test]
fn nor_do_ten_years_in_which_many_zones_changed_their_rules() {
    Decade::new(2009, &SPARSE, true).compare();
    Decade::new(2009, &DENSE, false).compare();
}

#[test]
#[ignore = "takes minutes: cargo test --lib -- --ignored schedule::oracle"]
fn nor_do_schedules_that_are_due_often_in_between() {
    Decade::new(2026, &DENSE, true).compare();
    Decade::new(2009, &DENSE, true).compare();
}
