//! Wakes the ticker every half minute, in UTC.
//!
//! The scheduler does no more than that: it freezes a zone's offset when a job is made, replays
//! nothing that was missed, and lets jobs overlap. What is due is decided elsewhere.

use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Second 0 and 30 of every minute.
const EVERY_HALF_MINUTE: &str = "0,30 * * * * *";

/// Wakes for as long as this lives.
pub(super) struct Wakes {
    wakes: mpsc::Receiver<()>,
    _scheduler: JobScheduler,
}

impl Wakes {
    /// Waits for the next wake.
    pub(super) async fn next(&mut self) {
        // The sender lives as long as the scheduler, so this cannot end.
        let _ = self.wakes.recv().await;
    }
}

/// Begins to wake.
pub(super) async fn every_half_minute() -> Result<Wakes, JobSchedulerError> {
    let (sender, wakes) = mpsc::channel(1);
    let scheduler = JobScheduler::new().await?;
    let job = Job::new_async(EVERY_HALF_MINUTE, move |_, _| {
        // A wake that has not been taken yet will do.
        let _ = sender.try_send(());
        Box::pin(async {})
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok(Wakes { wakes, _scheduler: scheduler })
}
