//! What the store wants of an answer: its entries, in their order, as often as it asks.

use crate::domain::{Quarantined, Report};

/// Where the entries of an answer come from. They may be asked for again: by another way of storing
/// them, or when a transaction is repeated.
pub trait Entries: Send + Sync + 'static {
    /// Hands every entry to `sink`, in the order of the answer. Runs on a thread that may block.
    ///
    /// # Errors
    /// When the answer turns out not to be whole, or the sink gives up.
    fn read(&self, sink: &mut dyn EntrySink) -> Result<(), EntriesError>;

    /// Whether what stands in it is likely not to be stored yet.
    fn is_likely_new(&self) -> bool {
        false
    }

    /// The entries at these positions (ascending), as quarantined for contradicting each other; no more than
    /// `keep` of them whole.
    ///
    /// # Errors
    /// When the answer cannot be read again.
    fn contradicting(&self, positions: &[i32], keep: usize) -> Result<Contradicting, EntriesError>;
}

/// What takes entries.
pub trait EntrySink {
    /// Takes a report.
    ///
    /// # Errors
    /// When no more are wanted.
    fn report(&mut self, position: i32, report: &Report<'_>) -> Result<(), EntriesError>;

    /// Takes an entry that cannot be a report.
    ///
    /// # Errors
    /// When no more are wanted.
    fn bad(&mut self, position: i32, entry: Quarantined) -> Result<(), EntriesError>;
}

/// Why the entries of an answer came to no end.
#[derive(Debug, thiserror::Error)]
pub enum EntriesError {
    /// The answer is not whole or not believable: the poll has failed.
    #[error("{0}")]
    NotBelieved(String),
    /// The database stopped taking rows; its own error says why.
    #[error("the database stopped taking rows")]
    Closed,
}

/// Entries that contradict each other.
#[derive(Debug, Default)]
pub struct Contradicting {
    /// Where each stands, and its SHA-256.
    pub digests: Vec<(i32, [u8; 32])>,
    /// The first of them, to be kept, and where each stands.
    pub kept: Vec<(i32, Quarantined)>,
}
