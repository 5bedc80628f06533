//! The checker bites: each corruption, planted in a database with a rich past, is caught by the rule it
//! breaks. A checker that finds nothing proves nothing.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::corruptions::{self, Corruption, PICKED};
use super::rich::Rich;
use super::{Expectations, Violation, check, invariants};

async fn found_with(
    connection: &mut PgConnection,
    sql: &'static str,
    expected: &Expectations,
    ledger: bool,
) -> sqlx::Result<Vec<Violation>> {
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    let found = if ledger { check(&mut tx, expected).await? } else { invariants(&mut tx, expected).await? };
    tx.rollback().await?;
    Ok(found)
}

#[tokio::test]
async fn every_corruption_is_caught_by_the_rule_it_breaks_and_the_sound_database_passes() {
    let rich = Rich::new().await;
    let mut connection = rich.lab.pool().acquire().await.unwrap().detach();
    let (ever, pruned) = (rich.expectations(), rich.pruned());
    for expected in [&ever, &pruned] {
        assert_eq!(check(&mut connection, expected).await.unwrap(), [], "the sound database does not pass");
    }
    sqlx::raw_sql(PICKED).execute(&mut connection).await.unwrap();
    for table in ["changed", "single", "gone", "returned", "believed", "restful", "quarantined"] {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(count, 1, "there is nothing to corrupt in {table}");
    }
    let mut missed = Vec::new();
    let mut rules = BTreeSet::new();
    let planted = |corruptions: &'static [Corruption], expected, ledger| {
        corruptions.iter().map(move |corruption| (corruption, expected, ledger))
    };
    let all = corruptions::of_one_database()
        .map(|corruption| (corruption, &ever, false))
        .chain(planted(corruptions::retention::ALL, &pruned, false))
        .chain(planted(corruptions::ledger::ALL, &ever, true));
    for ((name, sql, rule), expected, ledger) in all {
        let found = match found_with(&mut connection, sql, expected, ledger).await {
            Ok(found) => found,
            Err(error) => {
                missed.push(format!("{name} cannot be planted: {error}"));
                continue;
            }
        };
        let broken: BTreeSet<&str> = found.iter().map(|found| found.rule.as_str()).collect();
        if !broken.contains(rule) {
            missed.push(format!("{name}: {rule} did not notice, but {broken:?}"));
        }
        rules.insert(*rule);
    }
    assert!(missed.is_empty(), "{} corruptions were missed:\n{}", missed.len(), missed.join("\n"));
    assert_eq!(check(&mut connection, &ever).await.unwrap(), [], "a corruption has stayed");
    // A rule that no corruption breaks is not known to work.
    let untried: Vec<&str> =
        super::invariants::all().map(|(name, _)| *name).filter(|name| !rules.contains(name)).collect();
    assert_eq!(untried, [""; 0]);
}
