//! What an answer says, made into rows already when it is read for the first time: of a cycle that is likely
//! to be new, so that it need not be read twice.

use super::copy::Fields;
use crate::domain::Report;

/// More than this is not kept, but made again: several answers may be on their way at once.
const LIMIT: usize = 1 << 20;

/// The facts of reports, in the order of the answer.
#[derive(Debug, Default)]
pub(super) struct Kept {
    fields: Fields,
    /// Where each report's end.
    ends: Vec<usize>,
}

impl Kept {
    /// Adds a report; `false` if there is no room for more.
    pub(super) fn add(&mut self, report: &Report<'_>) -> bool {
        self.fields.facts(report);
        self.ends.push(self.fields.as_bytes().len());
        self.fields.as_bytes().len() <= LIMIT
    }

    /// The fields of each report.
    pub(super) fn reports(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| &self.fields.as_bytes()[begin..*end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{KnownStatus, Status};

    fn report(id: u128, name: &str) -> Report<'_> {
        Report {
            id: uuid::Uuid::from_u128(id),
            partner_company_name: name.into(),
            start_date: "2026-10-01".parse().unwrap(),
            end_date: "2026-10-31".parse().unwrap(),
            status: Status::Known(KnownStatus::Approved),
            under_review_status: None,
            extra: None,
        }
    }

    #[test]
    fn each_report_is_handed_out_as_it_would_be_made_again() {
        let mut kept = Kept::default();
        let reports = [report(1, "a"), report(2, "a longer name"), report(3, "")];
        assert!(reports.iter().all(|report| kept.add(report)));
        let made = reports.each_ref().map(|report| {
            let mut fields = Fields::default();
            fields.facts(report);
            fields.as_bytes().to_vec()
        });
        assert_eq!(kept.reports().collect::<Vec<_>>(), made);
        assert_eq!(Kept::default().reports().count(), 0);
    }

    #[test]
    fn there_is_room_for_so_much_and_no_more() {
        let (mut kept, long) = (Kept::default(), "x".repeat(LIMIT / 4));
        let taken = (0..4).map(|id| kept.add(&report(id, &long))).collect::<Vec<_>>();
        assert_eq!(taken, [true, true, true, false]);
    }
}
