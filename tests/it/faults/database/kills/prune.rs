//! `prune`, killed.

use super::strikes::Strikes;
use super::{Fate, kill, let_leases_run_out, running};
use crate::cli::lab::CommandLab;
use crate::cli::process::Call;
use crate::faults::database::aged::{self, OLD_REPORTS};
use crate::faults::database::rounds;
use crate::support::pg_proxy::PgProxy;

fn prune(lab: &CommandLab, proxy: &PgProxy) -> Call {
    lab.call(&["prune", "--force", "--output", "json"]).set("database.url", &proxy.url(lab.db.url())).quiet()
}

#[tokio::test]
async fn a_killed_prune_has_deleted_whole_reports_and_counted_them_and_the_next_one_does_the_rest() {
    let (seed, wanted) = (rounds::seed(), rounds::share(70));
    let lab = CommandLab::new().await;
    let proxy = PgProxy::before(lab.db.url()).await;
    let pool = lab.pool();
    let mut strikes = Strikes::new(seed);
    let (mut killed, mut escaped, mut seeded) = (0, 0, 0);
    aged::add_recent_things(pool).await;
    while strikes.more(killed, wanted) {
        let round = killed + escaped;
        // Now and then there is nothing to do, and now and then the one that is killed has to do with what the
        // last one left, when it is known to be dead.
        let new = if round % 4 == 3 { 0 } else { OLD_REPORTS };
        if new > 0 {
            aged::add_old_things(pool, round).await;
        }
        seeded += new;
        if round % 3 == 2 {
            let_leases_run_out(pool).await;
        }
        let moment = strikes.next();
        let place = format!("round {round}, {moment:?}");
        let fate = kill(prune(&lab, &proxy), &proxy, &moment).await;
        aged::is_whole(pool, seeded, &format!("{place}, right after")).await;
        strikes.struck(&moment, matches!(fate, Fate::Killed));
        match fate {
            Fate::Killed => killed += 1,
            Fate::Escaped(ended) => {
                assert_eq!(ended.with_code(0).json()["reports"], new, "{place}");
                escaped += 1;
                assert!(escaped < 100 + wanted, "it is hardly ever killed");
            }
        }
        let after_a_while = round % 3 == 0;
        if after_a_while {
            let_leases_run_out(pool).await;
        }
        // Once more, if nothing was left, so that every complete run passes every point.
        proxy.forget();
        strikes.begin();
        prune(&lab, &proxy).ends_with(0).await;
        strikes.learn(&proxy.passed());
        aged::is_whole(pool, seeded, &place).await;
        aged::nothing_old_is_left(pool, &place).await;
        if after_a_while {
            assert_eq!(running(pool).await, 0, "{place}: a dead run is taken for alive");
        }
    }
    let points = strikes.all_struck();
    println!("{killed} kills of prune: at {points} points, {} at random; {escaped} escaped", strikes.random);
}
