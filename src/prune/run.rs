//! A prune as a run, that others can see begin, live and end; what it does is in `work`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::progress::{Progress, PrunedLogs};
use super::work::{Deleting, Flow};
use super::{PruneError, Pruned, Pruning};
use crate::run::{keep_alive, stopped_for, within_last_call};
use crate::store::{ALL_ACCOUNTS, Job, NewRun, RunOutcome, Trigger};

/// How long a transaction under way may go on after the program was told to stop.
const GRACE: Duration = Duration::from_secs(5);

impl Pruning<'_> {
    /// Starts a run and prunes.
    ///
    /// # Errors
    /// When the prune is refused or the database stays out of reach. Either is logged in the run.
    pub async fn run(
        &self,
        trigger: Trigger,
        instance: &str,
        stop: &CancellationToken,
    ) -> Result<Pruned, PruneError> {
        let new = NewRun { job: Job::Prune, trigger, account: ALL_ACCOUNTS, instance };
        let started = within_last_call(self.store.start_run(new), stop).await?;
        self.run_claimed(started.id, stop).await
    }

    /// Prunes in a run that has just been started, keeps its lease and ends it. `stop` ends it early,
    /// between two transactions or within a few seconds.
    ///
    /// # Errors
    /// As [`Pruning::run`]; also when the run was taken for dead.
    pub async fn run_claimed(&self, run_id: i64, stop: &CancellationToken) -> Result<Pruned, PruneError> {
        within_last_call(self.run_to_its_end(run_id, stop), stop).await
    }

    async fn run_to_its_end(&self, run_id: i64, stop: &CancellationToken) -> Result<Pruned, PruneError> {
        let stop = stop.child_token();
        // Until the database has said what time it is; nothing is deleted before.
        let mut progress = Progress::new(self.cutoff(self.clock.now()).day);
        let mut work = Deleting { pruning: self, run_id, stop: &stop, progress: &mut progress };
        let pruning = async {
            tokio::select! {
                worked = work.prune() => worked,
                () = stopped_for(&stop, GRACE) => Ok(Flow::Stopped),
            }
        };
        let flow = keep_alive(self.store, run_id, &stop, pruning).await?;
        let (outcome, error) = judge(flow, &progress);
        self.store.finish_run(run_id, outcome, error.as_deref()).await?;
        say(run_id, outcome, &progress);
        let Progress { cutoff, mut cycles, logs, locked } = progress;
        cycles.sort_by(|a, b| (&a.account, a.cycle).cmp(&(&b.account, b.cycle)));
        Ok(Pruned { run_id, cutoff, outcome, cycles, logs, locked })
    }
}

fn judge(flow: Flow, progress: &Progress) -> (RunOutcome, Option<String>) {
    match (flow, progress.locked) {
        (Flow::Stopped, _) => (RunOutcome::Interrupted, None),
        (Flow::Done, 0) => (RunOutcome::Succeeded, None),
        (Flow::Done, locked) => {
            let error = format!(
                "{locked} reports past retention stay until the next prune: another session of the database \
                 has them locked (see pg_locks)"
            );
            (RunOutcome::Partial, Some(error))
        }
    }
}

/// One line; a prune that found nothing is for debugging.
fn say(run_id: i64, outcome: RunOutcome, progress: &Progress) {
    let (reports, versions) = (progress.reports(), progress.versions());
    let PrunedLogs { quarantined, ticks, polls, runs } = progress.logs;
    let (cutoff, locked, name) = (progress.cutoff, progress.locked, outcome.as_str());
    let found_nothing = reports + versions == 0 && progress.logs == PrunedLogs::default();
    // The level has to be known where the line is written.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                run.id = run_id, %cutoff, reports, versions, quarantined, ticks, polls, runs, locked, "prune {name}"
            )
        };
    }
    match outcome {
        RunOutcome::Partial | RunOutcome::Failed => line!(warn),
        RunOutcome::Succeeded if found_nothing => line!(debug),
        _ => line!(info),
    }
}
