//! Reading one table of the settings, key by key.
//!
//! Every key that is asked for is thereby known; what is left over at the end is a typo. So the
//! list of settings exists once: where each is read.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use ::config::{Map, Value, ValueKind};

use super::error::Problem;
use super::suggest::closest;
use super::value::{Parsed, path, variable};

pub(super) type Table = Map<String, Value>;

/// What reading all sections needs, and what it finds.
#[derive(Debug)]
pub(super) struct Reader {
    /// Where systemd puts credentials.
    pub(super) credentials_dir: Option<PathBuf>,
    /// Relative files are beside the settings file; without one, in the working directory.
    pub(super) base_dir: PathBuf,
    /// Whether secrets are read once, to find mistakes at the start.
    pub(super) reads_secrets: bool,
    pub(super) problems: Vec<Problem>,
    /// Every key asked for, dotted.
    pub(super) known: Vec<String>,
}

impl Reader {
    /// Where a file is that the settings name.
    pub(super) fn locate(&self, file: &Path) -> PathBuf {
        // `join` leaves absolute names alone.
        let beside_the_settings = || self.base_dir.join(file);
        let Some(dir) = &self.credentials_dir else { return beside_the_settings() };
        [dir.join(file), dir.join(credential_of_folder(file))]
            .into_iter()
            .find(|credential| credential.exists())
            .unwrap_or_else(beside_the_settings)
    }

    /// Whether a file is one that the service manager has handed over.
    pub(super) fn is_credential(&self, file: &Path) -> bool {
        self.credentials_dir.as_ref().is_some_and(|dir| file.starts_with(dir))
    }
}

/// What systemd calls a file of a folder that it hands over as a whole: with
/// `LoadCredential=secrets:/etc/…/secrets`, the file `secrets/emea.token` is the credential
/// `secrets_emea.token`. So one name leads to it from the service and from a command root types.
fn credential_of_folder(file: &Path) -> PathBuf {
    let parts: Vec<_> = file.iter().map(OsStr::to_string_lossy).collect();
    parts.join("_").into()
}

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Section<'r> {
    pub(super) reader: &'r mut Reader,
    path: String,
    entries: Table,
    known: Vec<&'static str>,
}

impl<'r> Section<'r> {
    /// Reads a whole table with `read`, then reports the keys nobody asked for.
    pub(super) fn read_all<T>(
        reader: &'r mut Reader,
        path: String,
        entries: Table,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let mut section = Section { reader, path, entries, known: Vec::new() };
        let settings = read(&mut section);
        section.report_unknown_keys();
        settings
    }

    /// The setting, or `default` if it is absent. A wrong one is reported; the default stands in
    /// for it so that the others are checked too.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&Value) -> Parsed<T>,
    ) -> T {
        self.optional(key, parse).unwrap_or(default)
    }

    /// The setting, if it is there and right; a wrong one is reported.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&Value) -> Parsed<T>,
    ) -> Option<T> {
        let value = self.take(key)?;
        self.settle(key, &value, parse(&value))
    }

    /// The setting; reported if it is absent or wrong.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        meaning: &str,
        parse: impl FnOnce(&Value) -> Parsed<T>,
    ) -> Option<T> {
        if !self.has(key) {
            self.problem(key, None, format!("is missing: {meaning}"));
        }
        self.optional(key, parse)
    }

    /// A file or directory; relative ones are beside the settings file.
    pub(super) fn directory(&mut self, key: &'static str) -> Option<PathBuf> {
        let directory = self.optional(key, path)?;
        Some(self.reader.base_dir.join(directory))
    }

    /// A file, looked for where secrets are, and read once so that a wrong name shows at the start.
    pub(super) fn readable_file(&mut self, key: &'static str) -> Option<PathBuf> {
        let value = self.take(key)?;
        let file = path(&value).and_then(|name| {
            let file = self.reader.locate(&name);
            std::fs::read(&file).map(|_| file).map_err(|error| unreadable(&error))
        });
        self.settle(key, &value, file)
    }

    /// A table inside this one; an absent table is an empty one.
    pub(super) fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let entries = match self.entries.remove(key) {
            None => Table::default(),
            Some(Value { kind: ValueKind::Table(entries), .. }) => entries,
            Some(other) => {
                self.problem(key, variable(&other), format!("must be a table: start it with [{key}]"));
                Table::default()
            }
        };
        self.known.push(key);
        let path = self.dotted(key);
        Section::read_all(self.reader, path, entries, read)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// What came of parsing a value; what went wrong is reported.
    pub(super) fn settle<T>(&mut self, key: &str, value: &Value, parsed: Parsed<T>) -> Option<T> {
        parsed.map_err(|message| self.problem(key, variable(value), message)).ok()
    }

    /// The raw value of a key, which thereby is known.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.reader.known.push(self.dotted(key));
        self.entries.remove(key)
    }

    pub(super) fn problem(&mut self, key: &str, variable: Option<&str>, message: impl Into<String>) {
        let problem = Problem::new(self.dotted(key), message).set_by(variable);
        self.reader.problems.push(problem);
    }

    pub(super) fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn report_unknown_keys(mut self) {
        let mut unknown: Vec<_> = std::mem::take(&mut self.entries).into_iter().collect();
        unknown.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, value) in unknown {
            let message = match closest(&key, self.known.iter().copied()) {
                Some(known) => format!("is not a setting; did you mean {}?", self.dotted(known)),
                None => "is not a setting; config.example.toml lists them all".to_owned(),
            };
            self.problem(&key, variable(&value), message);
        }
    }
}

/// The file is not named: somebody may have put the secret itself where its file's name belongs.
pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "names a file that does not exist; a relative name is looked up in \
                                    $CREDENTIALS_DIRECTORY, then beside the settings file (there, secrets/emea.token \
                                    is the file emea.token of the folder secrets)"
            .to_owned(),
        io::ErrorKind::InvalidData => "names a file that is not UTF-8 text".to_owned(),
        // The service may not look into root's folder; it has copies of what was there when it started.
        io::ErrorKind::PermissionDenied => format!(
            "names a file that is not there or may not be read: {error}. The service finds what was in /etc/lmp-billing-sync/secrets when \
             it started: put the file there, and restart it (a reload brings no new ones). Else let the user who runs \
             this read it (chown, chmod)"
        ),
        _ => format!("names a file that cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::{boolean, whole};

    fn read<T>(entries: Table, read: impl FnOnce(&mut Section<'_>) -> T) -> (T, Vec<String>) {
        let mut reader = Reader {
            credentials_dir: None,
            base_dir: PathBuf::from("/etc/lmp-billing-sync"),
            reads_secrets: true,
            problems: vec![],
            known: vec![],
        };
        let result = Section::read_all(&mut reader, "sync".to_owned(), entries, read);
        (result, reader.problems.iter().map(ToString::to_string).collect())
    }

    fn entries(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Table {
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    #[test]
    fn every_problem_is_reported_and_defaults_stand_in() {
        let raw = entries([("a", true.into()), ("b", "x".into()), ("whoami", 1_i64.into())]);
        let (values, problems) = read(raw, |section| {
            (
                section.or("a", false, boolean),
                section.or("b", 7, |value| whole(value, 1..=9)),
                section.required("c", "say it", boolean),
            )
        });
        assert_eq!(values, (true, 7, None));
        assert_eq!(
            problems,
            [
                "sync.b must be a whole number from 1 to 9, without quotes",
                "sync.c is missing: say it",
                "sync.whoami is not a setting; config.example.toml lists them all",
            ]
        );
    }

    #[test]
    fn a_typo_brings_a_suggestion_and_its_variable() {
        let variable = "LMP_BILLING_SYNC__SYNC__MAX_ATEMPTS".to_owned();
        let raw = entries([("max_atempts", Value::new(Some(&variable), "5"))]);
        let (_, problems) = read(raw, |section| section.or("max_attempts", 5, |value| whole(value, 1..=9)));
        assert_eq!(
            problems,
            ["sync.max_atempts (set by LMP_BILLING_SYNC__SYNC__MAX_ATEMPTS) is not a setting; \
              did you mean sync.max_attempts?"]
        );
    }

    #[test]
    fn a_table_is_no_list_of_values() {
        let raw = entries([("inner", vec![true].into())]);
        let (value, problems) =
            read(raw, |section| section.table("inner", |inner| inner.or("a", false, boolean)));
        assert!(!value);
        assert_eq!(problems, ["sync.inner must be a table: start it with [inner]"]);
    }
}
