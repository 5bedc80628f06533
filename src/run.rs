//! What the work of a run needs whatever it does: signs of life while it goes on, a bound on how long it goes
//! on after the program was told to stop, and a last word where it fails. What the run does is not known here.

use std::fmt::Display;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::store::{RunOutcome, Store, StoreError};

/// Four signs of life fit into the two minutes after which a run is taken for dead.
const PERIOD: Duration = Duration::from_secs(30);

/// How long the end of a run that was told to stop may take, the work at hand included. A database
/// that answers no more cannot be told; others will see that the run gives no sign of life.
const LAST_CALL: Duration = Duration::from_secs(8);

/// Works on a run and gives signs of life meanwhile; `stop` is cancelled when the run is no longer ours. A failure is its
/// last word in the log of runs.
pub(crate) async fn keep_alive<T, E: Display>(
    store: &Store,
    run_id: i64,
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let lease = AbortOnDropHandle::new(tokio::spawn(renew(store.clone(), run_id, stop.clone())));
    let worked = work.await;
    drop(lease);
    if let Err(error) = &worked {
        give_up(store, run_id, stop.is_cancelled(), error).await;
    }
    worked
}

/// Says in the log of runs that a run has ended early and why, if the database lets us, so that it does not look
/// alive until its lease has run out. A run that has ended already stays as it is. What goes wrong while it is
/// `stopped` is the stop's doing.
pub(crate) async fn give_up(store: &Store, run_id: i64, stopped: bool, error: &impl Display) -> RunOutcome {
    let outcome = if stopped { RunOutcome::Interrupted } else { RunOutcome::Failed };
    if let Err(again) = store.finish_run(run_id, outcome, Some(&error.to_string())).await {
        tracing::warn!(run.id = run_id, "could not log the end of the run: {again}");
    }
    outcome
}

/// Ends so long after the order to stop.
pub(crate) async fn stopped_for(stop: &CancellationToken, grace: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(grace).await;
}

/// A whole run, the log of its end included: it ends within seconds of the order to stop.
pub(crate) async fn within_last_call<T, E: From<StoreError>>(
    run: impl Future<Output = Result<T, E>>,
    stop: &CancellationToken,
) -> Result<T, E> {
    tokio::select! {
        done = run => done,
        () = stopped_for(stop, LAST_CALL) => {
            let doing = "logging that the run was stopped";
            Err(StoreError::Deadline { doing, seconds: LAST_CALL.as_secs() }.into())
        }
    }
}

/// Renews a run's lease; `lost` is cancelled when the run is no longer ours.
async fn renew(store: Store, run_id: i64, lost: CancellationToken) {
    let mut period = tokio::time::interval(PERIOD);
    period.tick().await; // the first is due at once, and the run has just been started
    loop {
        period.tick().await;
        match store.renew_lease(run_id).await {
            Ok(()) => {}
            Err(error @ StoreError::RunEnded(_)) => {
                tracing::warn!("{error}");
                return lost.cancel();
            }
            Err(error) => tracing::warn!("{error}; trying again in {} s", PERIOD.as_secs()),
        }
    }
}
