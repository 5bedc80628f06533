//! One place that says what must hold in every database: invariants, and agreement with a ledger of what was
//! served and acknowledged.
//!
//! A test calls [`require`] with what it knows of the database's past ([`Expectations`]). The invariants
//! (`invariants`) are queries; the ledger (`ledger`) plays every answer that the simulator served through a
//! second, simple implementation of the contract (`reference`) and compares. An invariant alone can hold over
//! a database in which acknowledged work was never stored; the ledger tells.

mod bites;
pub(crate) mod compare;
mod corruptions;
mod expectations;
mod invariants;
mod ledger;
pub(crate) mod reference;
mod rich;
pub(crate) mod stored;

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, PgConnection};

pub(crate) use expectations::{Expectations, Pruned};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Which rule is broken.
    pub(crate) rule: String,
    /// Where, and how.
    pub(crate) detail: String,
}

/// Everything that is wrong with a database.
pub(crate) async fn check(
    connection: &mut PgConnection,
    expected: &Expectations,
) -> sqlx::Result<Vec<Violation>> {
    let mut found = invariants(connection, expected).await?;
    if expected.has_ledger() {
        found.extend(ledger::check(connection, expected).await?);
    }
    Ok(found)
}

/// What is wrong with a database in itself, whatever was served.
pub(crate) async fn invariants(
    connection: &mut PgConnection,
    expected: &Expectations,
) -> sqlx::Result<Vec<Violation>> {
    let touched: Vec<String> =
        expected.touched.iter().map(|(account, id)| format!("{account} {id}")).collect();
    let (day, moment) = expected.cutoff.unzip();
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(AssertSqlSafe(invariants::statement()))
        .bind(touched)
        .bind(day)
        .bind(moment)
        .bind(expected.pruned != Pruned::Never)
        .bind(expected.pruned == Pruned::Just)
        .bind(expected.clock_went_back)
        .fetch_all(connection)
        .await?;
    // A text that is null has met something that should not be null.
    Ok(rows
        .into_iter()
        .map(|(rule, detail)| Violation { rule, detail: detail.unwrap_or_else(|| "(null)".to_owned()) })
        .collect())
}

/// Fails the test with every violation there is.
pub(crate) async fn require(pool: &PgPool, expected: &Expectations) {
    let mut connection = pool.acquire().await.expect("the database takes connections");
    let found = check(&mut connection, expected).await.expect("the database can be checked");
    let lines: Vec<String> =
        found.iter().map(|found| format!("  {}: {}", found.rule, found.detail)).collect();
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), lines.join("\n"));
}
