//! Secrets: given in the settings themselves, or better in a file of their own.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ::config::Value;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::error::{ConfigError, Problem};
use super::section::{Section, unreadable};
use super::value::{Parsed, path, text, variable};

/// Longer than any secret; keeps a wrong file from being read at length.
const LONGEST_FILE: u64 = 8192;

/// A secret setting: where its value is, not the value as it was at start.
#[derive(Clone, Debug)]
pub struct Secret {
    key: String,
    variable: Option<String>,
    kind: Kind,
    source: SecretSource,
}

/// Where a secret's value is.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// In the settings file or the environment.
    Inline(SecretString),
    /// In a file of its own.
    File(PathBuf),
    /// In a file that the service manager made of such a file when it started the service.
    Credential(PathBuf),
}

/// What a secret is for, and so what it must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    DatabaseUrl,
    AccessToken,
    SecretKey,
    Proxy,
}

impl Secret {
    /// The value as it is now: a file is read anew, so that a rotated secret needs no restart.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or the value cannot be what it should be.
    pub fn read(&self) -> Result<SecretString, ConfigError> {
        let value = match &self.source {
            SecretSource::Inline(value) => Ok(value.clone()),
            SecretSource::File(file) | SecretSource::Credential(file) => read_file(file),
        };
        let value = value.and_then(|value| self.kind.check(value.expose_secret()).map(|()| value));
        value.map_err(|message| Problem::new(&self.key, message).set_by(self.variable.as_deref()).into())
    }

    /// Where the value is.
    pub fn source(&self) -> &SecretSource {
        &self.source
    }

    /// The setting, without `_file`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether something secret stands in the settings file itself; a URL without a password tells nothing.
    pub fn tells_in_settings_file(&self) -> bool {
        let SecretSource::Inline(value) = &self.source else { return false };
        let is_url = matches!(self.kind, Kind::DatabaseUrl | Kind::Proxy);
        let has_password = || match Url::parse(value.expose_secret()) {
            Ok(url) => url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password"),
            Err(_) => true,
        };
        self.variable.is_none() && (!is_url || has_password())
    }

    /// Whether both stand for the same value, or for the same file, whatever is in it now.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        match (&self.source, &other.source) {
            (SecretSource::Inline(one), SecretSource::Inline(other)) => {
                one.expose_secret() == other.expose_secret()
            }
            (SecretSource::File(one), SecretSource::File(other))
            | (SecretSource::Credential(one), SecretSource::Credential(other)) => one == other,
            _ => false,
        }
    }
}

impl Section<'_> {
    /// A secret given as `key` or in the file named by `file_key`; it is read once to find mistakes
    /// at the start. The environment overrides the file's settings whichever way it gives it.
    pub(super) fn secret(&mut self, key: &'static str, file_key: &'static str, kind: Kind) -> Option<Secret> {
        let (inline, file) = (self.take(key), self.take(file_key));
        let is_from_environment = |value: &Option<Value>| value.as_ref().and_then(variable).is_some();
        let (inline, file) = match (is_from_environment(&inline), is_from_environment(&file)) {
            (true, false) => (inline, None),
            (false, true) => (None, file),
            _ => (inline, file),
        };
        let (key, value, source) = match (inline, file) {
            (None, None) => return None,
            (Some(inline), Some(_)) => {
                let message = format!("and {} exclude each other: remove one", self.dotted(file_key));
                self.problem(key, variable(&inline), message);
                return None;
            }
            (Some(inline), None) => {
                let source = text(&inline).map(|value| SecretSource::Inline(value.into()));
                (key, inline, source)
            }
            (None, Some(file)) => {
                let source = path(&file).map(|name| match self.reader.locate(&name) {
                    file if self.reader.is_credential(&file) => SecretSource::Credential(file),
                    file => SecretSource::File(file),
                });
                (file_key, file, source)
            }
        };
        let source = self.settle(key, &value, source)?;
        let variable = variable(&value).map(ToOwned::to_owned);
        let secret = Secret { key: self.dotted(key), variable, kind, source };
        if self.reader.reads_secrets
            && let Err(error) = secret.read()
        {
            self.reader.problems.extend_from_slice(error.problems());
            return None;
        }
        Some(secret)
    }

    /// As `secret`; reported if it is absent.
    pub(super) fn required_secret(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        kind: Kind,
    ) -> Option<Secret> {
        if !self.has(key) && !self.has(file_key) {
            let message = format!("is missing: set it, or {}", self.dotted(file_key));
            self.problem(key, None, message);
        }
        self.secret(key, file_key, kind)
    }
}

fn read_file(file: &Path) -> Parsed<SecretString> {
    let mut text = String::new();
    let length = File::open(file)
        .and_then(|file| file.take(LONGEST_FILE + 1).read_to_string(&mut text))
        .map_err(|error| unreadable(&error))?;
    if length as u64 > LONGEST_FILE {
        return Err("names a file that is too long for a secret".to_owned());
    }
    // Editors and `echo` end the last line; nothing else is taken away.
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).into())
}

impl Kind {
    /// The message never says what was found: it would be part of a secret.
    fn check(self, value: &str) -> Parsed<()> {
        if value.is_empty() {
            return Err("is empty: give the value, in one line".to_owned());
        }
        if value.trim() != value {
            return Err("begins or ends with white space, or has more than one line: remove that".to_owned());
        }
        let is_visible = value.bytes().all(|byte| byte.is_ascii_graphic());
        let (right, form) = match self {
            Self::DatabaseUrl => (
                is_visible && ["postgres://", "postgresql://"].iter().any(|scheme| value.starts_with(scheme)),
                "must be a URL such as postgres://user:password@host/database?sslmode=verify-full, with \
                 special characters percent-encoded",
            ),
            Self::AccessToken => (
                is_visible && (1..=100).contains(&value.len()),
                "must be the access token as the LMP console shows it: 1 to 100 visible ASCII characters, \
                 no spaces, no line breaks",
            ),
            Self::SecretKey => (
                is_visible && (10..=100).contains(&value.len()),
                "must be the secret key as the LMP console shows it: 10 to 100 visible ASCII characters, \
                 no spaces, no line breaks",
            ),
            Self::Proxy => (
                is_visible
                    && Url::parse(value)
                        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()),
                "must be a URL such as http://proxy:3128 or http://user:password@proxy:3128",
            ),
        };
        if right { Ok(()) } else { Err(form.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, values: &[&str]) -> Vec<bool> {
        values.iter().map(|value| kind.check(value).is_ok()).collect()
    }

    #[test]
    fn secret_keys_and_tokens_are_visible_ascii_of_the_right_length() {
        assert!(
            check(Kind::SecretKey, &["0123456789", "c2VjcmV0+/==abc", &"x".repeat(100)]).iter().all(|ok| *ok)
        );
        assert!(
            check(
                Kind::SecretKey,
                &["", "123456789", "0123456789\n", "01234 56789", "0123456789é", &"x".repeat(101)]
            )
            .iter()
            .all(|ok| !ok)
        );
        assert_eq!(check(Kind::AccessToken, &["0123", "", "a b", "\u{7}"]), [true, false, false, false]);
    }

    #[test]
    fn urls_have_the_right_scheme() {
        assert_eq!(
            check(
                Kind::DatabaseUrl,
                &[
                    "postgres://db/finance",
                    "postgresql:///finance?host=/run/postgresql",
                    "mysql://db",
                    "host=db",
                    ""
                ]
            ),
            [true, true, false, false, false]
        );
        assert_eq!(
            check(
                Kind::Proxy,
                &["http://proxy:3128", "https://u:p@proxy", "socks5://proxy", "proxy:3128", ""]
            ),
            [true, true, false, false, false]
        );
    }

    #[test]
    fn a_file_is_read_anew_and_loses_one_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("emea.secret");
        let secret = Secret {
            key: "accounts.emea.secret_key_file".to_owned(),
            variable: None,
            kind: Kind::SecretKey,
            source: SecretSource::File(file.clone()),
        };
        let read = |content: &[u8]| {
            std::fs::write(&file, content).unwrap();
            secret.read().map(|value| value.expose_secret().to_owned())
        };
        assert_eq!(read(b"first-secret\n").unwrap(), "first-secret");
        assert_eq!(read(b"second-secret\r\n").unwrap(), "second-secret");
        assert!(read(b"third-secret\n\n").is_err());
        assert!(read(b"third-secret ").is_err());
        assert!(read(b"fourth-secret ").unwrap_err().to_string().contains("ends with white space"));
        assert!(read(b"\n").unwrap_err().to_string().ends_with("is empty: give the value, in one line"));
        assert!(read(b"").is_err());
        assert!(read(b"\xff\xfethird-secret").unwrap_err().to_string().ends_with("is not UTF-8 text"));
        assert!(read(&[b'x'; 9000]).unwrap_err().to_string().ends_with("too long for a secret"));
        std::fs::remove_file(&file).unwrap();
        assert!(
            secret.read().unwrap_err().to_string().starts_with(
                "wrong settings: accounts.emea.secret_key_file names a file that does not exist"
            )
        );
    }
}
