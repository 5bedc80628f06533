//! The program itself, set up for one database and one upstream.

use std::path::{Path, PathBuf};

use anyhow::Result;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use crate::database::Database;
use crate::measured::{self, Cost};
use crate::upstream::{SECRET_KEY, Upstream};
use crate::{bare, refresh};

/// The built program and a folder with its settings.
pub(crate) struct Product {
    program: PathBuf,
    dir: TempDir,
    settings: String,
}

impl Product {
    pub(crate) fn new(database: &Database, upstream: &Upstream) -> Result<Self> {
        let product = Self {
            program: env!("CARGO_BIN_EXE_lmp-billing-sync").into(),
            dir: tempfile::Builder::new().prefix("lmp-bench-").tempdir()?,
            // Everything is as it is by default, but for the rate: the upstream is there to be fast.
            settings: format!(
                "[database]\nurl = {:?}\n\n[[accounts]]\nname = \"bench\"\nbase_url = {:?}\naccess_token = {:?}\n\
                 secret_key = {SECRET_KEY:?}\nrequests_per_second = 1000.0\n\n",
                database.url.expose_secret(),
                upstream.url(),
                uuid::Uuid::from_u128(7).to_string(),
            ),
        };
        product.configure("[http]\nlisten = \"\"\n")?;
        Ok(product)
    }

    /// Adds to the settings, in place of what was added before.
    pub(crate) fn configure(&self, more: &str) -> Result<()> {
        Ok(std::fs::write(self.dir.path().join("config.toml"), format!("{}{more}", self.settings))?)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Cost> {
        measured::run(&self.program, arguments, self.dir.path())
    }

    /// Runs what is left of a step when all that could be left out is.
    pub(crate) fn bare(&self, step: &str) -> Result<Cost> {
        measured::run(&std::env::current_exe()?, &[bare::ARGUMENT, step], self.dir.path())
    }

    /// Runs the daemon's `refresh` once, which no command does.
    pub(crate) fn refresh(&self) -> Result<Cost> {
        measured::run(&std::env::current_exe()?, &[refresh::ARGUMENT], self.dir.path())
    }
}
