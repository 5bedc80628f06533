//! The daemon, killed while it claims and works off a tick.

use super::strikes::Strikes;
use super::{Fate, kill, let_leases_run_out, until_its_sessions_end};
use crate::cli::lab::{CommandLab, months_ago, token};
use crate::cli::process::Call;
use crate::faults::database::story::Story;
use crate::faults::database::{check, rounds};
use crate::support::pg_proxy::PgProxy;
use crate::support::wait::until_async;

/// Every second something is due.
const SCHEDULE: &str = "[http]\nlisten = ''\n[schedule]\ndiscover = '0 0 29 2 *'\nrefresh = '* * * * * *'\n\
                        reconcile = '0 0 29 2 *'\nprune = '0 0 29 2 *'\n";

fn serve(lab: &CommandLab, story: &mut Story, new: Option<u32>) {
    for (cycle, entries) in story.next(new.map(months_ago)) {
        lab.handle().replace_entries(&token("emea"), cycle, entries);
    }
}

fn daemon(lab: &CommandLab, proxy: &PgProxy) -> Call {
    lab.call(&["run"]).set("database.url", &proxy.url(lab.db.url())).quiet()
}

const WHOLE_RUNS: &str =
    "select count(*) from lmp_billing.sync_runs where outcome = 'succeeded' and job = 'refresh'";

#[tokio::test]
async fn a_killed_daemon_is_followed_by_one_that_takes_over_its_tick() {
    let (seed, wanted) = (rounds::seed(), rounds::share(40));
    let lab = CommandLab::new().await;
    lab.write_settings(&format!("{}{SCHEDULE}{}", lab.head(), lab.account("emea")));
    let proxy = PgProxy::before(lab.db.url()).await;
    let pool = lab.pool();
    let mut story = Story::new(seed);
    for back in 0..=24 {
        lab.handle().replace_entries(&token("emea"), months_ago(back), Vec::new());
    }
    // The cycles that a refresh asks for whatever is in them, on each day of the month. The first sync is over before.
    for back in [1, 0] {
        serve(&lab, &mut story, Some(back));
        lab.succeeds(&["sync"]).await;
    }
    let mut strikes = Strikes::new(seed);
    let (mut killed, mut escaped) = (0, 0);
    while strikes.more(killed, wanted) {
        let round = killed + escaped;
        serve(&lab, &mut story, None);
        let moment = strikes.next();
        let place = format!("round {round}, {moment:?}");
        // It ends only when it is killed; a point that it does not pass is given up after a while.
        let call = daemon(&lab, &proxy);
        let whole = lab.count(WHOLE_RUNS).await;
        let fate = tokio::select! {
            fate = kill(call, &proxy, &moment) => Some(fate),
            () = until_async("two runs succeed", async || lab.count(WHOLE_RUNS).await >= whole + 2) => None,
        };
        proxy.disarm();
        proxy.cut();
        until_its_sessions_end(pool).await;
        check::invariants(pool, &format!("{place}, right after")).await;
        strikes.struck(&moment, matches!(fate, Some(Fate::Killed)));
        match fate {
            Some(Fate::Killed) => killed += 1,
            Some(Fate::Escaped(ended)) => panic!("{place}: the daemon ended by itself: {ended:?}"),
            None => {
                escaped += 1;
                assert!(escaped < 100 + wanted, "it is hardly ever killed");
            }
        }
        let_leases_run_out(pool).await;
        proxy.forget();
        strikes.begin();
        let whole = lab.count(WHOLE_RUNS).await;
        let next = daemon(&lab, &proxy).start();
        until_async("a run succeeds", async || lab.count(WHOLE_RUNS).await > whole).await;
        strikes.learn(&proxy.passed());
        next.stops().await;
        check::tells(pool, &story, &place).await;
        let alive = "select count(*) from lmp_billing.sync_runs where outcome = 'running'";
        assert_eq!(lab.count(alive).await, 0, "{place}: a run is under way");
    }
    let points = strikes.all_struck();
    println!(
        "{killed} kills of the daemon: at {points} points, {} at random; {escaped} escaped",
        strikes.random
    );
}
