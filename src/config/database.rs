//! `[database]`: where the reports are kept.

use std::path::PathBuf;

use secrecy::SecretString;

use super::error::{ConfigError, Problem};
use super::secret::{Kind, Secret};
use super::section::Section;
use super::value::{boolean, whole};

/// Which PostgreSQL to use and how.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where the server is. A secret, because it may hold a password.
    pub url: Option<Secret>,
    /// Run a private PostgreSQL under `data_dir` instead.
    pub embedded: bool,
    /// Bring the schema up to date before `run` and `sync`.
    pub migrate: bool,
    /// At most this many connections at once; at least one.
    pub max_connections: u32,
    /// Where the server programs of the embedded PostgreSQL are; searched for if absent.
    pub bin_dir: Option<PathBuf>,
}

/// The database to use.
#[derive(Clone, Debug)]
pub enum Target {
    /// The server at this URL.
    Url(SecretString),
    /// A private server under `data_dir`.
    Embedded,
}

impl Database {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let database = Self {
            url: section.secret("url", "url_file", Kind::DatabaseUrl),
            embedded: section.or("embedded", false, boolean),
            migrate: section.or("migrate", true, boolean),
            // The pool sets aside room for all of them, so this is bounded.
            max_connections: section.or("max_connections", 5, |value| whole(value, 1..=1000)),
            bin_dir: section.directory("bin_dir"),
        };
        if let Some(problem) = database.contradiction() {
            section.reader.problems.push(problem);
        }
        database
    }

    /// The database to use, if one is named; a URL in a file is read anew.
    pub(super) fn target(&self) -> Result<Option<Target>, ConfigError> {
        if let Some(problem) = self.contradiction() {
            return Err(problem.into());
        }
        match &self.url {
            Some(url) => url.read().map(|url| Some(Target::Url(url))),
            None => Ok(self.embedded.then_some(Target::Embedded)),
        }
    }

    /// The settings that differ from another's, for saying what a reload cannot change.
    pub fn changed_from(&self, other: &Self) -> Vec<&'static str> {
        let same_url = match (&self.url, &other.url) {
            (Some(one), Some(other)) => one.is_same_as(other),
            (None, None) => true,
            _ => false,
        };
        [
            ("database.url", same_url),
            ("database.embedded", self.embedded == other.embedded),
            ("database.migrate", self.migrate == other.migrate),
            ("database.max_connections", self.max_connections == other.max_connections),
            ("database.bin_dir", self.bin_dir == other.bin_dir),
        ]
        .into_iter()
        .filter_map(|(setting, same)| (!same).then_some(setting))
        .collect()
    }

    fn contradiction(&self) -> Option<Problem> {
        (self.embedded && self.url.is_some()).then(|| {
            Problem::new(
                "database.embedded",
                "and database.url exclude each other: remove one, or put # before it (where the URL comes from the \
                 environment, so may LMP_BILLING_SYNC__DATABASE__EMBEDDED=false)",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::tests::{load, problems};

    #[test]
    fn a_url_or_the_embedded_server_is_chosen() {
        let url = load("[database]\nurl = 'postgres://db/finance'").target().unwrap();
        assert!(matches!(url, Target::Url(url) if url.expose_secret() == "postgres://db/finance"));
        let embedded = load("[database]\nembedded = true").target().unwrap();
        assert!(matches!(embedded, Target::Embedded));
    }

    #[test]
    fn neither_is_an_error_that_names_both() {
        let error = load("").target().unwrap_err().to_string();
        assert!(error.contains("database.url") && error.contains("database.embedded = true"), "{error}");
    }

    #[test]
    fn both_exclude_each_other() {
        let found = problems("[database]\nurl = 'postgres://db/finance'\nembedded = true");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("database.embedded and database.url exclude each other"), "{found:?}");
    }

    #[test]
    fn what_has_changed_is_named_the_password_alone_too() {
        let database = |text: &str| load(&format!("[database]\n{text}")).database;
        let old = database("url = 'postgres://u:one@db/finance'");
        assert!(old.changed_from(&database("url = 'postgres://u:one@db/finance'")).is_empty());
        assert_eq!(old.changed_from(&database("url = 'postgres://u:two@db/finance'")), ["database.url"]);
        assert_eq!(
            old.changed_from(&database("embedded = true\nmax_connections = 9")),
            ["database.url", "database.embedded", "database.max_connections"]
        );
    }

    #[test]
    fn connections_are_bounded() {
        assert_eq!(
            problems("[database]\nmax_connections = 0"),
            ["database.max_connections must be a whole number from 1 to 1000, without quotes"]
        );
    }

    #[test]
    fn a_relative_directory_is_beside_the_settings_file() {
        let settings = load("data_dir = 'data'\n[database]\nbin_dir = '/usr/lib/postgresql/17/bin'");
        assert_eq!(settings.data_dir, PathBuf::from("/etc/test/data"));
        assert_eq!(settings.database.bin_dir, Some(PathBuf::from("/usr/lib/postgresql/17/bin")));
    }
}
