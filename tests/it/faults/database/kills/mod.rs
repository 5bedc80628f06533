//! kill -9 at every named point, and at random moments.
//!
//! A point is a request to the database, before the server hears of it; for what has an effect that lasts
//! (commits, numbers drawn, the ends of copies) also after the server has done it and before the program
//! knows. The points are learnt from what passes the proxy, so that a new statement is struck without
//! anybody naming it here.

mod daemon;
mod migrate;
mod prune;
mod strikes;
mod sync;

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::PgPool;

use crate::cli::process::{Call, Ended};
use crate::support::pg_proxy::PgProxy;
use crate::support::wait::until_async;
use strikes::Point;

/// When to kill.
#[derive(Clone, Debug)]
enum Moment {
    At(Point),
    After(Duration),
}

/// What became of a program that was to be killed.
enum Fate {
    Killed,
    /// It had ended before.
    Escaped(Ended),
}

/// Starts the program and kills it at a moment.
async fn kill(call: Call, proxy: &PgProxy, moment: &Moment) -> Fate {
    let mut trap = None;
    if let Moment::At(point) = moment {
        let name = point.name.clone();
        trap = Some(proxy.trap(point.when, move |request| request.name() == name));
    }
    let running = call.start();
    let pid = Pid::from_raw(running.pid()).expect("a process has a number");
    let time_has_come = async {
        match (&mut trap, moment) {
            (Some(trap), _) => Some(trap.caught_if_ever().await),
            (None, Moment::After(time)) => {
                tokio::time::sleep(*time).await;
                None
            }
            (None, Moment::At(_)) => unreachable!("a point has a trap"),
        }
    };
    let mut ended = std::pin::pin!(running.ended());
    let killed = tokio::select! {
        biased;
        held = time_has_come => {
            kill_process(pid, Signal::KILL).expect("it has not been waited for");
            // Until it is dead, the connection stays as it is.
            Some(held)
        }
        ended = &mut ended => {
            proxy.disarm();
            return Fate::Escaped(ended);
        }
    };
    let ended = ended.await;
    drop(killed);
    // It may have ended by itself in the last moment.
    if ended.code.is_some() { Fate::Escaped(ended) } else { Fate::Killed }
}

/// Waits until the server has noticed that the program is gone: what it had sent off may be committed until
/// then.
async fn until_its_sessions_end(pool: &PgPool) {
    until_async("the killed program's sessions end", async || {
        let query = "select count(*) from pg_stat_activity
                     where datname = current_database() and application_name = 'lmp-billing-sync'";
        sqlx::query_scalar::<_, i64>(query).fetch_one(pool).await.unwrap() == 0
    })
    .await;
}

/// As if two minutes had passed without a sign of life.
async fn let_leases_run_out(pool: &PgPool) {
    until_its_sessions_end(pool).await;
    sqlx::query(
        "update lmp_billing.sync_runs set lease_renewed_at = lease_renewed_at - interval '3 minutes'
         where outcome = 'running'",
    )
    .execute(pool)
    .await
    .unwrap();
}

/// The number of runs that are under way, as far as the database knows.
async fn running(pool: &PgPool) -> i64 {
    let query = "select count(*) from lmp_billing.sync_runs where outcome = 'running'";
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}
