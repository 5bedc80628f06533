//! Everything that knows SQL; of HTTP and of settings it knows nothing.
//!
//! What writes does so in a `Tx`: a named transaction with limits on how long it waits and
//! runs. Whether to begin one again is said by the error ([`StoreError::is_transient`]). Every time
//! that is stored is the database server's.

mod apply;
mod columns;
mod error;
mod export;
mod inspect;
mod migrate;
mod nodelay;
mod overview;
mod polls;
mod pool;
mod prune;
mod read;
mod retry;
mod route;
mod runs;
mod shortcut;
mod ticks;
mod turn;
mod tx;

pub use apply::{Contradicting, Entries, EntriesError, EntrySink, Guard};
pub use columns::Extra;
pub use error::StoreError;
pub use export::{CurrentReport, ExportFilter};
pub use inspect::{Reader, Rights, Server};
pub use migrate::{Migrated, SchemaState};
pub use overview::{
    CycleState, Figures, JobTicks, Lately, Overview, RecentChange, RecentRun, Reopened, Scope, StatusCount,
    Suspicion, UpstreamClock,
};
pub use polls::{Outcome, Poll, PollRow, Sent};
pub use pool::Store;
pub use prune::{Batch, Cutoff, Deleted, DueReports, PruneClocks, PruneCount};
pub use read::{CycleStatuses, JobStatus, QuarantineCount, ReportVersion, StatusChange};
pub use retry::Limits;
pub use route::Route;
pub use runs::{ALL_ACCOUNTS, Job, NewRun, RunOutcome, RunRow, RunSummary, Trigger};
pub use ticks::{Claim, FirstSync, Tick, TickState};
