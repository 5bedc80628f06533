//! What was found, a line each: how it is, what it is about, what was found and what to do.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::super::CliError;
use super::super::error::EX_CONFIG;
use super::super::output::stdout;
use crate::config::{Account, Settings};
use crate::setup::SetupError;

/// The longest subject that is not an account.
const SUBJECT: usize = "encryption".len();

/// How it is with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grade {
    /// As it should be.
    Good,
    /// It works, but somebody should look at it.
    Warning,
    /// It does not work, or will not.
    Bad,
}

/// Writes the lines as they come, and remembers whether anything was bad.
pub(super) struct Findings {
    /// Of the column of subjects.
    width: usize,
    failed: bool,
    wrong_settings: bool,
    /// Why the lines cannot be written any more.
    unwritten: Option<io::Error>,
}

impl Findings {
    pub(super) fn about(settings: &Settings) -> Self {
        let widths = settings.accounts.iter().map(|account| subject(account).len());
        let width = widths.max().unwrap_or_default().max(SUBJECT);
        Self { width, failed: false, wrong_settings: false, unwritten: None }
    }

    pub(super) fn add(&mut self, grade: Grade, subject: &str, text: &str) {
        self.failed |= grade == Grade::Bad;
        let word = match grade {
            Grade::Good => "ok",
            Grade::Warning => "warn",
            Grade::Bad => "FAIL",
        };
        if let Err(error) = writeln!(stdout(), "{word:<4}  {subject:<width$}  {text}", width = self.width) {
            self.unwritten = Some(error);
        }
    }

    pub(super) fn good(&mut self, subject: &str, text: &str) {
        self.add(Grade::Good, subject, text);
    }

    pub(super) fn warn(&mut self, subject: &str, text: &str) {
        self.add(Grade::Warning, subject, text);
    }

    pub(super) fn bad(&mut self, subject: &str, text: &str) {
        self.add(Grade::Bad, subject, text);
    }

    pub(super) fn error(&mut self, subject: &str, error: impl Into<SetupError>) {
        let error = CliError::from(error.into());
        self.wrong_settings |= error.is_wrong_setting();
        self.bad(subject, &error.to_string());
    }

    /// As if the first thing found bad had ended the command, wrong settings before all else.
    pub(super) fn exit_code(self) -> Result<ExitCode, CliError> {
        Ok(match self {
            Self { unwritten: Some(error), .. } => return Err(error.into()),
            Self { wrong_settings: true, .. } => ExitCode::from(EX_CONFIG),
            Self { failed: true, .. } => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        })
    }
}

pub(super) fn subject(account: &Account) -> String {
    format!("account {}", account.name)
}

/// Which way this machine's clock is off, in seconds, and from whose.
pub(super) fn off(ahead: i64, whose: &str) -> String {
    let way = if ahead < 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is {} s {way} {whose}", ahead.abs())
}
