//! How a command can end badly, and the exit code that tells which way.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::daemon::DaemonError;
use crate::embedded::EmbeddedError;
use crate::prune::PruneError;
use crate::setup::SetupError;
use crate::store::StoreError;
use crate::sync::OutsideWindow;

/// `EX_CONFIG` of sysexits.h: a restart will not help, and systemd is told so.
pub(super) const EX_CONFIG: u8 = 78;

/// Why a command ended badly.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// A setting turned out wrong when it was used.
    #[error("wrong settings: {0}")]
    Unusable(String),
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
            Self::Settings(_) | Self::Unusable(_) => ExitCode::from(EX_CONFIG),
        }
    }

    /// Whether only other settings help.
    pub(super) fn is_wrong_setting(&self) -> bool {
        matches!(self, Self::Settings(_) | Self::Unusable(_))
    }

    /// For errors whose own words tell their cause already: the chain of causes would repeat it.
    fn failed(error: &impl std::error::Error) -> Self {
        Self::Failed(anyhow::Error::msg(error.to_string()))
    }
}

impl From<SetupError> for CliError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Settings(error) => Self::Settings(error),
            SetupError::Unusable(problem) => Self::Unusable(problem),
            SetupError::Store(error) => Self::failed(&error),
            SetupError::Embedded(error) => Self::Failed(error.into()),
        }
    }
}

impl From<DaemonError> for CliError {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Setup(error) => error.into(),
            error => Self::failed(&error),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        SetupError::from(error).into()
    }
}

impl From<EmbeddedError> for CliError {
    fn from(error: EmbeddedError) -> Self {
        SetupError::from(error).into()
    }
}

impl From<OutsideWindow> for CliError {
    fn from(error: OutsideWindow) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<PruneError> for CliError {
    fn from(error: PruneError) -> Self {
        Self::failed(&error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(anyhow::Error::new(error).context("writing the result"))
    }
}
