//! What the work of a run needs whatever it does: signs of life while it goes on, a bound on how long it goes
//! on after the program was told to stop, and a last word where it fails.

mod lease;
mod stop;

use std::fmt::Display;

use crate::store::{RunOutcome, Store};

pub(crate) use lease::Lease;
pub(crate) use stop::{stopped_for, within_last_call};

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
