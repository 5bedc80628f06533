//! `migrate`, killed.

use super::strikes::Strikes;
use super::{Fate, kill};
use crate::cli::lab::CommandLab;
use crate::faults::database::rounds;
use crate::support::pg_proxy::PgProxy;

#[tokio::test]
async fn a_killed_migration_leaves_all_or_nothing_and_the_next_one_does_it() {
    let lab = CommandLab::new().await;
    let proxy = PgProxy::before(lab.db.url()).await;
    let url = proxy.url(lab.db.url());
    let migrate = || lab.call(&["migrate"]).set("database.url", &url).quiet();
    let mut strikes = Strikes::new(rounds::seed());
    let tables = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where n.nspname = 'lmp_billing' and c.relkind = 'r'";
    let whole = lab.count(tables).await;
    let mut killed = 0;
    for round in 0..24 {
        sqlx::raw_sql("drop schema if exists lmp_billing cascade").execute(lab.pool()).await.unwrap();
        let moment = strikes.next();
        let fate = kill(migrate(), &proxy, &moment).await;
        strikes.struck(&moment, matches!(fate, Fate::Killed));
        killed += usize::from(matches!(fate, Fate::Killed));
        let left = lab.count(tables).await;
        assert!([0, whole].contains(&left), "round {round}, {moment:?}: {left} of {whole} tables");
        proxy.forget();
        strikes.begin();
        migrate().ends_with(0).await;
        strikes.learn(&proxy.passed());
        assert_eq!(lab.count(tables).await, whole, "round {round}, {moment:?}");
    }
    assert!(killed > 12, "{killed}");
    println!("{killed} kills of migrate");
}
