//! From settings to working parts: databases, clients, rules. The commands and the daemon begin here.

mod account;
mod database;

pub use account::{client, instance, limit, pruning, rules, schedule_of};
pub use database::{Database, embedded_options};

use crate::config::ConfigError;
use crate::embedded::EmbeddedError;
use crate::lmp::LmpError;
use crate::store::StoreError;

/// Why a part could not be made from the settings.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// A setting turned out wrong when it was used.
    #[error("wrong settings: {0}")]
    Unusable(String),
    /// The database cannot be used.
    #[error(transparent)]
    Store(StoreError),
    /// The private server does not run.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

impl From<StoreError> for SetupError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadUrl => Self::Unusable(error.to_string()),
            error => Self::Store(error),
        }
    }
}

impl From<LmpError> for SetupError {
    fn from(error: LmpError) -> Self {
        Self::Unusable(error.to_string())
    }
}
