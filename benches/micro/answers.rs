//! Answers that are in memory as reports, so that nothing is parsed.

use lmp_billing_sync::domain::{Cycle, KnownStatus, Quarantined, Reason, Report, Status};
use lmp_billing_sync::store::{Contradicting, Entries, EntriesError, EntrySink};

/// Entries of an answer, good and bad.
pub(crate) const ENTRIES: u16 = 5_000;

/// Reports that have another status in the second answer.
pub(crate) const CHANGED: u16 = ENTRIES / CHANGED_ONE_IN;
const CHANGED_ONE_IN: u16 = 20;

/// An answer.
pub(crate) struct Listed {
    reports: Vec<Report<'static>>,
    bad: Option<Quarantined>,
}

impl Listed {
    /// The same reports each time, in no order of their ids.
    pub(crate) fn first(cycle: Cycle) -> Self {
        let mut random = fastrand::Rng::with_seed(1);
        let reports = (0..ENTRIES).zip(KnownStatus::ALL.into_iter().cycle()).map(|(number, status)| Report {
            id: uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid(),
            partner_company_name: format!("Partner {number:05} Süd GmbH & Co. KG").into(),
            start_date: cycle.first_day(),
            end_date: cycle.last_day(),
            status: Status::Known(status),
            under_review_status: (status == KnownStatus::UnderReview)
                .then(|| "Manually submitted by MSP".into()),
            extra: None,
        });
        Self { reports: reports.collect(), bad: None }
    }

    /// The first answer, with reports that were in preparation approved.
    pub(crate) fn changed(cycle: Cycle) -> Self {
        let mut answer = Self::first(cycle);
        for report in answer.reports.iter_mut().step_by(CHANGED_ONE_IN.into()) {
            report.status = Status::Known(KnownStatus::Approved);
        }
        answer
    }

    /// The first answer, with an entry in a report's place that cannot be one.
    pub(crate) fn one_bad(cycle: Cycle) -> Self {
        let mut answer = Self::first(cycle);
        answer.bad = answer.reports.pop().map(|report| {
            let (raw, detail) =
                (format!(r#"{{"id":"{}"}}"#, report.id), "\"end_date\" is missing".to_owned());
            Quarantined::new(&raw, Some(report.id), Reason::InvalidDates, detail)
        });
        answer
    }
}

impl Entries for Listed {
    fn read(&self, sink: &mut dyn EntrySink) -> Result<(), EntriesError> {
        (0..).zip(&self.reports).try_for_each(|(position, report)| sink.report(position, report))?;
        self.bad.iter().try_for_each(|bad| sink.bad(i32::from(ENTRIES) - 1, bad.clone()))
    }

    fn contradicting(&self, _: &[i32], _: usize) -> Result<Contradicting, EntriesError> {
        unreachable!("nothing contradicts here")
    }
}
