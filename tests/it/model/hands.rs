//! What happens to a database beside polls: people change rows, and its clock is set.

use chrono::TimeDelta;
use serde_json::json;

use super::answers;
use super::driver::{ACCOUNTS, Driver, Wrong, words};
use super::history::Hand;

/// Every stored time, but for signs of life: whether a process is alive is not for the clock to say here.
const TIMES: [(&str, &[&str]); 6] = [
    (
        "reports",
        &[
            "valid_from",
            "status_since",
            "status_not_before",
            "previous_status_since",
            "first_seen_at",
            "withdrawn_at",
        ],
    ),
    (
        "superseded_versions",
        &[
            "valid_from",
            "valid_to",
            "status_since",
            "status_not_before",
            "next_valid_from",
            "next_status_not_before",
        ],
    ),
    ("sync_runs", &["started_at", "finished_at"]),
    ("cycle_polls", &["requested_at", "finished_at"]),
    ("quarantined_reports", &["first_seen_at", "resolved_at"]),
    ("schedule_ticks", &["claimed_at"]),
];

impl Driver<'_> {
    /// Sets the database's clock, by moving all that has been the other way.
    pub(super) async fn set_clock(&mut self, by: TimeDelta) -> Result<(), Wrong> {
        let seconds = by.num_seconds();
        let statements: Vec<String> = TIMES
            .iter()
            .map(|(table, columns)| {
                let sets: Vec<String> = columns
                    .iter()
                    .map(|column| format!("{column} = {column} - make_interval(secs => {seconds})"))
                    .collect();
                format!("update lmp_billing.{table} set {}", sets.join(", "))
            })
            .collect();
        self.execute(&statements.join(";")).await?;
        self.reference.shift(-by);
        if by < TimeDelta::zero() {
            // Moments in the future have yet to come.
            self.clock_went_back = true;
            self.samples.clear();
        }
        self.samples.iter_mut().for_each(|(at, _)| *at -= by);
        Ok(())
    }

    pub(super) async fn edit_by_hand(&mut self, account: usize, id: u8, what: Hand) -> Result<(), Wrong> {
        let key = (ACCOUNTS[account].to_owned(), answers::id(id));
        let Some(report) = self.reference.reports.get(&key).filter(|report| !report.deleted) else {
            return Ok(());
        };
        let cycle = report.newest().cycle;
        let set = match what {
            Hand::Name => "partner_company_name = 'by hand'",
            Hand::Status => "status = 'Rejected'",
            Hand::UnderReview => "under_review_status = 'by hand'",
            Hand::Extra => "extra = '{\"by\": \"hand\"}'",
        };
        self.execute(&format!(
            "update lmp_billing.reports set {set} where account = '{}' and id = '{}'",
            key.0, key.1
        ))
        .await?;
        self.reference.edited(&key, |facts| match what {
            Hand::Name => "by hand".clone_into(&mut facts.name),
            Hand::Status => "Rejected".clone_into(&mut facts.status),
            Hand::UnderReview => facts.under_review = Some("by hand".to_owned()),
            Hand::Extra => facts.extra = Some(json!({ "by": "hand" })),
        });
        self.touch(account, cycle);
        Ok(())
    }

    pub(super) async fn delete_by_hand(&mut self, account: usize, id: u8) -> Result<(), Wrong> {
        let key = (ACCOUNTS[account].to_owned(), answers::id(id));
        let Some(report) = self.reference.reports.get(&key).filter(|report| !report.deleted) else {
            return Ok(());
        };
        let cycle = report.newest().cycle;
        self.execute(&format!(
            "delete from lmp_billing.reports where account = '{}' and id = '{}'",
            key.0, key.1
        ))
        .await?;
        let ended = sqlx::query_scalar(
            "select max(valid_to) from lmp_billing.superseded_versions where account = $1 and id = $2",
        )
        .bind(&key.0)
        .bind(key.1)
        .fetch_one(self.store.pool())
        .await
        .map_err(words)?;
        self.reference.deleted(&key, ended);
        self.touch(account, cycle);
        Ok(())
    }

    /// Any cycle may list the report, not only the one it is stored under.
    fn touch(&mut self, account: usize, cycle: chrono::NaiveDate) {
        self.by_hand.push((account, cycle));
        self.by_hand.extend(self.cycles.map(|cycle| (account, cycle.first_day())));
    }
}
