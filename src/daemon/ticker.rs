//! The daemon at work: looks what is due, waits, and does what it is told meanwhile.

mod claim;
mod settings;
mod sleep;

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::first_syncs::FirstSyncs;
use super::http::{HttpState, Metrics};
use super::job::EndedRun;
use super::manager::Manager;
use super::slot::Slot;
use super::troubles::Troubles;
use super::wake::Wakes;
use super::{DaemonError, Orders};
use crate::clock::Clock;
use crate::config::Settings;
use crate::lmp::Limit;
use crate::setup::{SetupError, instance};
use crate::store::{Store, StoreError};

/// A look at all jobs takes milliseconds; one that does not end must not keep the daemon from its
/// other duties. What it had begun is finished by the next.
const LOOK_LIMIT: Duration = Duration::from_secs(20);

/// When to look again after the database was out of reach.
const AFTER_FAILURE: TimeDelta = TimeDelta::seconds(5);

/// With nothing due ever, the half-minute wakes are enough.
const IDLE: Duration = Duration::from_hours(1);

/// How long a look under way may go on after the daemon was told to stop.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// How long runs may take to end when the daemon does.
const FAREWELL: Duration = Duration::from_secs(9);

/// The heart of the daemon.
pub(super) struct Ticker {
    store: Store,
    metrics: Arc<Metrics>,
    page: HttpState,
    settings: Arc<Settings>,
    instance: String,
    clock: Arc<dyn Clock>,
    orders: Orders,
    slots: Vec<Slot>,
    limits: HashMap<String, Arc<Limit>>,
    first_syncs: FirstSyncs,
    /// Since when the daemon has been awake: ticks due before were missed.
    awake_since: DateTime<Utc>,
    /// The last look by both clocks.
    last_look: (DateTime<Utc>, Instant),
    runs: JoinSet<EndedRun>,
    /// The numbers of these runs.
    under_way: HashSet<i64>,
    troubles: Troubles,
}

impl Ticker {
    pub(super) fn new(
        store: Store,
        metrics: Arc<Metrics>,
        page: HttpState,
        settings: Settings,
        clock: Arc<dyn Clock>,
        orders: Orders,
    ) -> Self {
        let now = clock.now();
        let instance = instance();
        tracing::info!(instance, database = store.target(), "started");
        let mut ticker = Self {
            store,
            metrics,
            page,
            settings: Arc::new(settings),
            instance,
            clock,
            orders,
            slots: Vec::new(),
            limits: HashMap::new(),
            first_syncs: FirstSyncs::default(),
            awake_since: now,
            last_look: (now, Instant::now()),
            runs: JoinSet::new(),
            under_way: HashSet::new(),
            troubles: Troubles::default(),
        };
        ticker.arrange(&[]);
        ticker
    }

    /// Looks, waits and looks again, until told to stop.
    pub(super) async fn run(&mut self, wakes: &mut Wakes, manager: Manager) -> Result<(), DaemonError> {
        loop {
            manager.alive();
            self.notice_sleep();
            let stop = self.orders.stop.clone();
            let looked = {
                let mut look = pin!(tokio::time::timeout(manager.within_patience(LOOK_LIMIT), self.look()));
                tokio::select! {
                    looked = &mut look => looked,
                    () = stop.cancelled() => {
                        // A run that is just being claimed is to be ended, not left as if it went on.
                        let _ = tokio::time::timeout(LAST_LOOK, look).await;
                        return Ok(());
                    }
                }
            };
            let next = match looked {
                Ok(Ok(next)) => Some(next),
                // A newer program has taken over. Ending lets the service manager start what is installed now.
                Ok(Err(error @ StoreError::NewerSchema { .. })) => return Err(SetupError::from(error).into()),
                Ok(Err(error)) => {
                    tracing::warn!("cannot look what is due: {error}; trying again");
                    None
                }
                Err(_) => {
                    tracing::warn!("cannot look what is due: no answer from the database; trying again");
                    None
                }
            };
            self.troubles.database(next.is_some(), self.clock.now());
            let next = next.unwrap_or_else(|| Some(self.clock.now() + AFTER_FAILURE));
            manager.status(&self.describe(next));
            let wait = next.map_or(IDLE, |next| (next - self.clock.now()).to_std().unwrap_or_default());
            tokio::select! {
                () = wakes.next() => {}
                () = tokio::time::sleep(manager.within_patience(wait)) => {}
                Some(done) = self.runs.join_next() => self.settle(done)?,
                Some(()) = self.orders.reload.recv() => self.reload(manager),
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Waits for the runs to end, after they were told to.
    pub(super) async fn finish(mut self) -> Result<(), DaemonError> {
        let runs = async {
            while let Some(done) = self.runs.join_next().await {
                done?;
            }
            Ok(())
        };
        tokio::time::timeout(FAREWELL, runs).await.unwrap_or_else(|_| {
            tracing::warn!("some runs did not end in time; others will find them without a sign of life");
            Ok(())
        })
    }

    fn settle(&mut self, done: Result<EndedRun, JoinError>) -> Result<(), DaemonError> {
        // After a panic nobody knows what was left undone: the daemon ends and says so.
        let done = done?;
        self.under_way.remove(&done.run_id);
        let now = self.clock.now();
        self.troubles.run_ended(&done.account, done.job, done.outcome, now);
        // If it was interrupted (the database went away), its tick may be claimed again.
        for slot in &mut self.slots {
            if slot.account == done.account && slot.job == done.job {
                slot.look_again = Some(now);
            }
        }
        self.first_syncs.run_ended(&done.account, now);
        Ok(())
    }

    /// What the daemon does, and what is wrong.
    fn describe(&self, next: Option<DateTime<Utc>>) -> String {
        let zone = self.settings.schedule.timezone;
        let now = match (self.runs.len(), next) {
            (0, Some(next)) => {
                format!("idle until {}", next.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z"))
            }
            (0, None) => "idle".to_owned(),
            (1, _) => "1 run under way".to_owned(),
            (count, _) => format!("{count} runs under way"),
        };
        [now].into_iter().chain(self.troubles.describe(zone)).collect::<Vec<_>>().join("; ")
    }
}
