//! How everything stands at one moment, for the status page and the metrics.
//!
//! All of it is read in one read-only transaction, and every statement is bounded: by the accounts and
//! cycles asked for, by an index, or by a limit. What takes a pass over the reports is kept by the
//! caller and handed back in, and read anew only when a poll or a prune can have changed it
//! ([`Figures`]); so looking at an idle program costs the database a few index lookups.

mod figures;
mod state;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

pub use figures::{Figures, Lately, RecentChange, Reopened, StatusCount};
pub use state::{CycleState, JobTicks, RecentRun, Suspicion, UpstreamClock};

use super::tx::Tx;
use super::{Job, QuarantineCount, Store, StoreError};
use crate::domain::{Retention, Window};

const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The accounts, in the order in which they are shown.
    pub accounts: &'a [String],
    /// The jobs that have a schedule, each with its account.
    pub jobs: &'a [(String, Job)],
    /// How far back cycles go.
    pub retention: Retention,
    /// The zone in which "today" is.
    pub timezone: Tz,
}

/// How everything stands.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The moment, by the database's clock.
    pub now: DateTime<Utc>,
    /// That day in the schedule's zone.
    pub today: NaiveDate,
    /// The cycles that can still be read.
    pub window: Window,
    /// Each account's cycles of the window, newest first.
    pub cycles: Vec<CycleState>,
    /// Since when each job's next tick is waited for.
    pub ticks: Vec<JobTicks>,
    /// The last run of each job with each outcome; runs by hand too.
    pub runs: Vec<RecentRun>,
    /// Open quarantined entries by kind.
    pub quarantine: Vec<QuarantineCount>,
    /// What is known of the upstream's clock.
    pub upstream: Vec<UpstreamClock>,
    /// What takes a pass over the reports.
    pub figures: Arc<Figures>,
}

impl Store {
    /// Reads how everything stands; `known` are the figures of an earlier overview.
    ///
    /// # Errors
    /// When the database cannot be asked, or takes too long.
    pub async fn overview(
        &self,
        scope: &Scope<'_>,
        known: Option<&Arc<Figures>>,
    ) -> Result<Overview, StoreError> {
        let mut tx = self.begin_reading().await?;
        let now = state::now(&mut tx).await?;
        let today = now.with_timezone(&scope.timezone).date_naive();
        let window = scope.retention.window(today);
        let cycles = state::cycles(&mut tx, scope, window).await?;
        let ticks = state::ticks(&mut tx, scope.jobs).await?;
        let runs = state::runs(&mut tx, scope).await?;
        let quarantine = state::quarantine(&mut tx, scope).await?;
        let upstream = state::upstream(&mut tx, &runs).await?;
        let figures = Figures::read(&mut tx, scope, now, &cycles, known).await?;
        tx.commit().await?;
        Ok(Overview { now, today, window, cycles, ticks, runs, quarantine, upstream, figures })
    }

    /// The pool would go on trying for as long as a run may wait; who looks at a page does not.
    async fn begin_reading(&self) -> Result<Tx, StoreError> {
        tokio::time::timeout(CONNECT_WITHIN, self.begin_look()).await.unwrap_or_else(|_| {
            Err(StoreError::Unreachable {
                target: self.target(),
                source: Box::new(sqlx::Error::PoolTimedOut),
            })
        })
    }

    /// Since when each job's next tick is waited for, and the database's clock.
    ///
    /// # Errors
    /// When the database cannot be asked, or takes too long.
    pub async fn tick_states(
        &self,
        jobs: &[(String, Job)],
    ) -> Result<(DateTime<Utc>, Vec<JobTicks>), StoreError> {
        let mut tx = self.begin_reading().await?;
        let now = state::now(&mut tx).await?;
        let ticks = state::ticks(&mut tx, jobs).await?;
        tx.commit().await?;
        Ok((now, ticks))
    }
}

impl Overview {
    /// An account's cycles that still change: those that ended lately or hold a report that is not final.
    pub fn open_cycles(&self, account: &str) -> impl Iterator<Item = &CycleState> {
        let holds_open_report = move |state: &CycleState| {
            self.figures
                .counts
                .iter()
                .any(|count| !count.is_final && count.account == state.account && count.cycle == state.cycle)
        };
        self.cycles
            .iter()
            .filter(move |state| state.account == account)
            .filter(move |state| state.cycle.is_recent(self.today) || holds_open_report(state))
    }
}
