//! The settings: one file and the environment, checked as a whole before anything starts.
//!
//! A daemon that bills depend on must not run on half-understood settings. So every key is known,
//! every value has its type and range, everything wrong is reported at once, and what is wrong is
//! said without repeating values, because any of them may turn out to be a secret. Whoever needs a
//! secret reads it when it is needed ([`Secret::read`]), so that a rotated one is used.

mod account;
mod base_url;
mod database;
mod env;
mod error;
mod http;
mod load;
mod log;
mod retention;
mod schedule;
mod secret;
mod section;
mod suggest;
mod sync;
mod value;

#[cfg(test)]
mod example;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use account::Account;
pub use database::{Database, Target};
pub use error::{ConfigError, Problem};
pub use http::Http;
pub use log::{Log, LogFormat};
pub use retention::Retention;
pub use schedule::Schedule;
pub use secret::{Secret, SecretSource};
pub use sync::Sync;

use section::{Reader, Section, Table};

/// All settings, valid as a whole. Its debug form shows no secret.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Home of the embedded PostgreSQL.
    pub data_dir: PathBuf,
    /// `[database]`
    pub database: Database,
    /// `[[accounts]]`, in the order of the file.
    pub accounts: Vec<Account>,
    /// `[sync]`
    pub sync: Sync,
    /// `[schedule]`
    pub schedule: Schedule,
    /// `[retention]`
    pub retention: Retention,
    /// `[http]`
    pub http: Http,
    /// `[log]`
    pub log: Log,
    /// The settings file; `None` if there is none and the defaults stand.
    pub source: Option<PathBuf>,
}

impl Settings {
    /// Loads the settings of this process: the file `explicit`, else `$LMP_BILLING_SYNC_CONFIG`,
    /// else `./config.toml`, else `/etc/lmp-billing-sync/config.toml`, else the built-in defaults;
    /// over them the variables `LMP_BILLING_SYNC__…`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn load(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_and(explicit, true)
    }

    /// The same without reading secrets, for what needs none: whoever asks a daemon how it is need not be
    /// able to read its secrets.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, but for secrets.
    pub fn load_without_secrets(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_and(explicit, false)
    }

    fn load_and(explicit: Option<&Path>, reads_secrets: bool) -> Result<Self, ConfigError> {
        let file = load::find_file(explicit, std::env::var_os(load::CONFIG_VARIABLE).as_deref())?;
        // Messages name it so that it can be found from anywhere.
        let file = file.map(|(path, text)| (std::path::absolute(&path).unwrap_or(path), text));
        let credentials_dir =
            std::env::var_os("CREDENTIALS_DIRECTORY").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Self::read_all(file, std::env::vars_os(), credentials_dir, reads_secrets)
    }

    /// Loads the settings from a file's path and text, environment variables, and the directory
    /// where systemd puts credentials.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn from_sources(
        file: Option<(PathBuf, String)>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        credentials_dir: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        Self::read_all(file, environment, credentials_dir, true)
    }

    fn read_all(
        file: Option<(PathBuf, String)>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        credentials_dir: Option<PathBuf>,
        reads_secrets: bool,
    ) -> Result<Self, ConfigError> {
        let mut entries = match &file {
            Some((path, text)) => load::parse(path, text)?,
            None => Table::default(),
        };
        let source = file.map(|(path, _)| path);
        let base_dir = source.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        let mut reader =
            Reader { credentials_dir, base_dir, reads_secrets, problems: Vec::new(), known: Vec::new() };
        env::overlay(&mut entries, environment, &mut reader.problems);
        let settings = Section::read_all(&mut reader, String::new(), entries, |section| {
            Self::read(section, source.clone())
        });
        match settings {
            Some(settings) if reader.problems.is_empty() => Ok(settings),
            _ => Err(ConfigError::new(reader.problems, source)),
        }
    }

    /// All secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let accounts = self.accounts.iter().flat_map(|account| [&account.access_token, &account.secret_key]);
        accounts.chain(&self.database.url).chain(&self.sync.proxy)
    }

    /// Checks that there is something to poll, as `run`, `sync` and `check` need.
    ///
    /// # Errors
    ///
    /// When there is no account.
    pub fn require_accounts(&self) -> Result<(), ConfigError> {
        if !self.accounts.is_empty() {
            return Ok(());
        }
        let message = format!("is empty: declare one, starting with [[accounts]], {}", self.place());
        Err(Problem::new("accounts", message).into())
    }

    /// The database to use; a URL in a file is read anew.
    ///
    /// # Errors
    ///
    /// When none is named, when two are, or when the URL's file cannot be read.
    pub fn target(&self) -> Result<Target, ConfigError> {
        self.database.target()?.ok_or_else(|| {
            let message = format!(
                "is not chosen: set database.url (or database.url_file) to use a PostgreSQL server, or \
                 database.embedded = true for a private one under data_dir, {}",
                self.place()
            );
            Problem::new("database", message).into()
        })
    }

    /// Where a missing setting belongs.
    fn place(&self) -> String {
        match &self.source {
            Some(file) => format!("in {}", file.display()),
            None => {
                "in a settings file (none was found: looked for $LMP_BILLING_SYNC_CONFIG, ./config.toml and \
                     /etc/lmp-billing-sync/config.toml; config.example.toml is a start)"
                    .to_owned()
            }
        }
    }

    /// `None` if a setting without a default is wrong, which then is reported.
    fn read(section: &mut Section<'_>, source: Option<PathBuf>) -> Option<Self> {
        let data_dir = section.directory("data_dir");
        let database = section.table("database", Database::read);
        let accounts = Account::read_all(section);
        let sync = section.table("sync", Sync::read);
        let schedule = section.table("schedule", Schedule::read);
        let retention = section.table("retention", Retention::read);
        let http = section.table("http", Http::read);
        let log = section.table("log", Log::read);
        Some(Self {
            data_dir: data_dir.unwrap_or_else(|| PathBuf::from("/var/lib/lmp-billing-sync")),
            database,
            accounts,
            sync,
            schedule: schedule?,
            retention,
            http,
            log,
            source,
        })
    }
}
