//! How a command can end badly, and the exit code that tells which way.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::embedded::EmbeddedError;
use crate::lmp::LmpError;
use crate::prune::PruneError;
use crate::store::StoreError;
use crate::sync::OutsideWindow;

/// `EX_CONFIG` of sysexits.h: a restart will not help, and systemd is told so.
const EX_CONFIG: u8 = 78;

/// Why a command ended badly.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The command line is wrong in a way only the settings or the database could tell.
    #[error("{0}")]
    Usage(String),
    /// Everything else.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl CliError {
    /// 1 failed, 2 wrong usage, 78 wrong settings.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::FAILURE,
            Self::Usage(_) => ExitCode::from(2),
            Self::Settings(_) => ExitCode::from(EX_CONFIG),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<EmbeddedError> for CliError {
    fn from(error: EmbeddedError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<LmpError> for CliError {
    fn from(error: LmpError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<OutsideWindow> for CliError {
    fn from(error: OutsideWindow) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<PruneError> for CliError {
    fn from(error: PruneError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(anyhow::Error::new(error).context("writing the result"))
    }
}
