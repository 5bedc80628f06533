//! What is due (placeholder until merged).
use super::CronSchedule;
use chrono::{DateTime, Utc};

/// Why a tick runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its moment came.
    Schedule,
    /// It was missed.
    CatchUp,
}

/// A due tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// Why it runs.
    pub why: Why,
}

/// The newest due tick.
pub fn due(
    schedule: &CronSchedule,
    counts_from: DateTime<Utc>,
    now: DateTime<Utc>,
    awake_since: DateTime<Utc>,
) -> Option<Tick> {
    let mut newest = None;
    let mut at = counts_from;
    while let Some(next) = schedule.next_after(at).filter(|next| *next <= now) {
        newest = Some(next);
        at = next;
    }
    newest.map(|due_at| Tick { due_at, why: if due_at < awake_since { Why::CatchUp } else { Why::Schedule } })
}

/// The next moment to look.
pub fn next(
    schedule: &CronSchedule,
    counts_from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    schedule.next_after(counts_from.max(now))
}
