//! Ending early: what is under way may end by itself, for so long.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

/// How long the end of a run that was told to stop may take, the work at hand included. A database
/// that answers no more cannot be told; others will see that the run gives no sign of life.
const LAST_CALL: Duration = Duration::from_secs(8);

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
