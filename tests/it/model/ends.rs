//! What must be so when nothing is under way.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::driver::{ACCOUNTS, Driver, Wrong, words};
use crate::checker::stored::Stored;
use crate::checker::{Expectations, compare, invariants, reference::Facts};

type AsOf = (String, Uuid, String, NaiveDate, NaiveDate, String, Option<String>, Option<Value>);

impl Driver<'_> {
    /// Compares everything stored with the reference, and asserts the invariants.
    pub(super) async fn at_rest(&mut self) -> Result<(), Wrong> {
        let connection = &mut *self.checking;
        let accounts = ACCOUNTS.map(str::to_owned);
        let stored = Stored::read(connection, &accounts).await.map_err(words)?;
        let mut wrong: Vec<String> = compare::reports(&stored, &self.reference)
            .into_iter()
            .map(|(_, what, detail)| format!("{what}: {detail}"))
            .collect();
        wrong.extend(
            compare::quarantine(&stored, &self.reference)
                .into_iter()
                .map(|(what, detail)| format!("{what}: {detail}")),
        );
        let touched = self.reference.reports.iter().filter(|(_, report)| report.touched);
        let expected = Expectations {
            touched: touched.map(|(key, _)| key.clone()).collect(),
            cutoff: self.cutoff,
            pruned: self.pruned,
            clock_went_back: self.clock_went_back,
            rules: self.reference.rules.clone(),
            ..Expectations::default()
        };
        let broken = invariants(connection, &expected).await.map_err(words)?;
        wrong.extend(broken.into_iter().map(|broken| format!("{}: {}", broken.rule, broken.detail)));
        let mut statuses: Vec<String> = sqlx::query_scalar("select status from lmp_billing.report_statuses")
            .fetch_all(connection)
            .await
            .map_err(words)?;
        statuses.sort_unstable();
        let mut right: Vec<&str> = self.reference.statuses().collect();
        right.sort_unstable();
        if statuses != right {
            wrong.push(format!("the statuses are {statuses:?}, right are {right:?}"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// Notes what is listed now, to be asked for later.
    pub(super) async fn sample(&mut self) -> Result<(), Wrong> {
        if self.clock_went_back {
            return Ok(());
        }
        let now = self.store.now().await.map_err(words)?;
        let listed =
            self.reference.reports.iter().filter(|(_, report)| report.is_listed() && !report.touched);
        let facts = listed.map(|(key, report)| (key.clone(), report.newest().facts.clone())).collect();
        self.samples.push((now, facts));
        Ok(())
    }

    /// Asks what was listed at the moments noted before; what has been pruned or changed by hand since is left out.
    pub(super) async fn look_back(&self) -> Result<(), Wrong> {
        let known = |account: &str, id: Uuid| {
            let report = self.reference.reports.get(&(account.to_owned(), id));
            report.is_some_and(|report| !report.touched)
        };
        for (at, listed) in self.samples.iter().rev().step_by(2).take(4) {
            let rows: Vec<AsOf> = as_of(self, *at).await?;
            let found: BTreeMap<_, _> = rows
                .into_iter()
                .filter(|(account, id, ..)| known(account, *id))
                .map(|(account, id, name, start, end, status, under_review, extra)| {
                    ((account, id), Facts { name, start, end, status, under_review, extra })
                })
                .collect();
            let mut right = listed.clone();
            right.retain(|(account, id), _| known(account, *id));
            if found != right {
                return Err(format!("reports_as_of('{at}') has {found:?}, listed were {right:?}"));
            }
        }
        Ok(())
    }
}

async fn as_of(driver: &Driver<'_>, at: DateTime<Utc>) -> Result<Vec<AsOf>, Wrong> {
    sqlx::query_as(
        "select account, id, partner_company_name, start_date, end_date, status, under_review_status, extra
         from lmp_billing.reports_as_of($1)",
    )
    .bind(at)
    .fetch_all(driver.store.pool())
    .await
    .map_err(words)
}
