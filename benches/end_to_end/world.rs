//! What the upstream lists: the same reports for the same size and seed, in every run.

use std::fmt::Write as _;

use bytes::Bytes;
use chrono::{Datelike as _, Months, NaiveDate};
use uuid::Uuid;

/// Cycles that hold reports; the oldest of the window is the edge and stays empty.
pub(crate) const CYCLES: u32 = 24;

/// One report in so many has another status in the second answer.
pub(crate) const CHANGED_ONE_IN: usize = 20;

const STATUSES: [&str; 5] = ["MSP Preparing", "Under Review", "Rejected", "Approved", "Completed"];
const SUBMITTED: &str = "Manually submitted by MSP";

/// How reports are spread over the months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Evenly over all cycles.
    Months,
    /// All in the current month.
    OneCycle,
}

/// One report.
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) cycle: NaiveDate,
    name: String,
    status: usize,
}

/// All reports of one size.
pub(crate) struct World {
    rows: Vec<Row>,
}

impl World {
    pub(crate) fn new(size: usize, spread: Spread, today: NaiveDate) -> Self {
        let mut random = fastrand::Rng::with_seed(size as u64);
        let current = today.with_day(1).expect("every month has a first day");
        let rows = (0..size)
            .map(|number| {
                let back = match spread {
                    Spread::Months => u32::try_from(number).expect("a count of reports") % CYCLES,
                    Spread::OneCycle => 0,
                };
                Row {
                    id: uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid(),
                    cycle: current - Months::new(back),
                    name: format!("Partner {:05} Süd GmbH & Co. KG", random.u32(..100_000)),
                    status: random.usize(..STATUSES.len()),
                }
            })
            .collect();
        Self { rows }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The cycles that hold reports, newest first.
    pub(crate) fn cycles(&self) -> Vec<NaiveDate> {
        let mut cycles: Vec<NaiveDate> = self.rows.iter().map(|row| row.cycle).collect();
        cycles.sort_unstable();
        cycles.dedup();
        cycles.reverse();
        cycles
    }

    /// The answer to a request for a cycle.
    pub(crate) fn answer(&self, cycle: NaiveDate, changed: bool) -> Bytes {
        let mut json = String::from(r#"{"reports":["#);
        for (number, row) in self.rows.iter().enumerate().filter(|(_, row)| row.cycle == cycle) {
            if !json.ends_with('[') {
                json.push(',');
            }
            let (status, under_review) = row.facts(number, changed);
            let under_review = under_review.map_or("null".to_owned(), |text| format!("\"{text}\""));
            write!(
                json,
                r#"{{"id":"{}","partner_company_name":"{}","start_date":"{cycle}","end_date":"{}","status":"{status}","under_review_status":{under_review}}}"#,
                row.id, row.name, last_day(cycle),
            )
            .expect("writing to a string");
        }
        json.push_str("]}");
        json.into()
    }

    /// The rows as `COPY` takes them in its text form, by the chunk.
    pub(crate) fn copy_text(&self, changed: bool) -> Vec<Bytes> {
        self.rows
            .chunks(500)
            .enumerate()
            .map(|(chunk, rows)| {
                let rows = rows.iter().enumerate();
                rows.map(|(place, row)| row.copy_text(chunk * 500 + place, changed))
                    .collect::<String>()
                    .into()
            })
            .collect()
    }

    /// The same of each cycle, newest first.
    pub(crate) fn copy_text_by_cycle(&self) -> Vec<Bytes> {
        let text = |cycle: &NaiveDate| {
            let rows = self.rows.iter().enumerate().filter(|(_, row)| row.cycle == *cycle);
            rows.map(|(number, row)| row.copy_text(number, false)).collect::<String>().into()
        };
        self.cycles().iter().map(text).collect()
    }

    /// How many reports the second answers change.
    pub(crate) fn changed(&self) -> usize {
        self.rows.len().div_ceil(CHANGED_ONE_IN)
    }
}

impl Row {
    fn copy_text(&self, number: usize, changed: bool) -> String {
        let (status, under_review) = self.facts(number, changed);
        let Self { id, cycle, name, .. } = self;
        let (end, under_review) = (last_day(*cycle), under_review.unwrap_or("\\N"));
        format!("{id}\t{cycle}\t{name}\t{cycle}\t{end}\t{status}\t{under_review}\n")
    }

    fn facts(&self, number: usize, changed: bool) -> (&'static str, Option<&'static str>) {
        let moved = usize::from(changed && number.is_multiple_of(CHANGED_ONE_IN));
        let status = STATUSES[(self.status + moved) % STATUSES.len()];
        (status, (status == "Under Review").then_some(SUBMITTED))
    }
}

fn last_day(cycle: NaiveDate) -> NaiveDate {
    cycle + Months::new(1) - chrono::TimeDelta::days(1)
}
