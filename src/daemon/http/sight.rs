//! What was seen in the database last, shared by all who ask within a few seconds.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use super::{HttpState, Plan};
use crate::store::{Overview, StoreError};

/// Reading takes milliseconds; a first look at a million reports, less than a second. Each statement
/// has a limit of its own; this one is for a server that does not answer at all.
const LIMIT: Duration = Duration::from_secs(10);

/// What was seen last, or is being looked at for all who wait.
pub(super) struct Kept<T> {
    seen: Mutex<Option<(Instant, T)>>,
    /// Whether the last look failed.
    is_away: AtomicBool,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { seen: Mutex::new(None), is_away: AtomicBool::new(false) }
    }
}

impl<T: Clone> Kept<T> {
    /// What was seen last if it is young enough and `holds`, else what `look` sees now. Only one looks at
    /// a time; `look` is told what was seen last.
    pub(super) async fn get(
        &self,
        kept_for: Duration,
        holds: impl Fn(&T) -> bool,
        look: impl AsyncFnOnce(Option<&T>) -> T,
    ) -> T {
        let mut kept = self.seen.lock().await;
        if let Some((at, seen)) = &*kept
            && at.elapsed() < kept_for
            && holds(seen)
        {
            return seen.clone();
        }
        let seen = look(kept.as_ref().map(|(_, seen)| seen)).await;
        *kept = Some((Instant::now(), seen.clone()));
        seen
    }

    /// Tells the log when the database goes or comes back: between two ticks only who asks here notices. Looks
    /// differ in how long they wait, so that each tells for itself.
    pub(super) fn notice(&self, what: &str, trouble: Option<&impl fmt::Display>) {
        let was_away = self.is_away.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(error) if !was_away => tracing::warn!("cannot see {what}: {error}"),
            None if was_away => tracing::info!("{what} can be seen again"),
            _ => {}
        }
    }
}

/// How everything stands, as far as can be seen.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// What this is about.
    pub(super) plan: Arc<Plan>,
    /// The newest overview that could be read.
    pub(super) overview: Option<Arc<Overview>>,
    /// Why it is not of now.
    pub(super) trouble: Option<String>,
    /// The machine's clock.
    pub(super) machine_now: DateTime<Utc>,
    /// How far the machine's clock is ahead of the database's, at least.
    pub(super) ahead_of_database: TimeDelta,
}

impl HttpState {
    /// How everything stands.
    pub(super) async fn sight(&self) -> Sight {
        let plan = self.plan();
        let holds = |seen: &Sight| Arc::ptr_eq(&seen.plan, &plan);
        self.0.sight.get(self.0.kept_for, holds, async |last| self.look(&plan, last).await).await
    }

    async fn look(&self, plan: &Arc<Plan>, last: Option<&Sight>) -> Sight {
        let known = last.and_then(|sight| sight.overview.clone());
        let figures = known.as_ref().map(|overview| &overview.figures);
        let jobs = plan.jobs();
        let scope = plan.scope(&jobs);
        let before = self.0.clock.now();
        let seen = tokio::time::timeout(LIMIT, self.0.store.overview(&scope, figures)).await.unwrap_or(Err(
            StoreError::Deadline { doing: "reading how everything stands", seconds: LIMIT.as_secs() },
        ));
        let machine_now = self.0.clock.now();
        let plan = Arc::clone(plan);
        self.0.sight.notice("how everything stands", seen.as_ref().err());
        match seen {
            Ok(overview) => Sight {
                plan,
                ahead_of_database: ahead(before, machine_now, overview.now),
                overview: Some(Arc::new(overview)),
                trouble: None,
                machine_now,
            },
            Err(error) => {
                let ahead_of_database = last.map_or(TimeDelta::zero(), |sight| sight.ahead_of_database);
                let trouble = Some(error.to_string());
                Sight { plan, overview: known, trouble, machine_now, ahead_of_database }
            }
        }
    }
}

/// By how much at least the clock that showed `before` and `after` is ahead of the one that showed `other`
/// between the two.
fn ahead(before: DateTime<Utc>, after: DateTime<Utc>, other: DateTime<Utc>) -> TimeDelta {
    if other < before {
        before - other
    } else if other > after {
        after - other
    } else {
        TimeDelta::zero()
    }
}
