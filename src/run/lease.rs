//! Signs of life for a run, given while it works.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// Four signs fit into the two minutes after which a run is taken for dead.
const PERIOD: Duration = Duration::from_secs(30);

/// Renews a run's lease until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    task: JoinHandle<()>,
}

impl Lease {
    /// Begins to renew; `lost` is cancelled when the run is no longer ours.
    pub(crate) fn keep(store: Store, run_id: i64, lost: CancellationToken) -> Self {
        let task = tokio::spawn(async move {
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
        });
        Self { task }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}
