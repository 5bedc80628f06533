//! Settings from the environment, laid over those of the file.
//!
//! `LMP_BILLING_SYNC__SYNC__MAX_ATTEMPTS` is `sync.max_attempts`. Values stay text here, marked with
//! the variable they came from; reading a setting turns it into what is needed. The `config` crate's
//! own source for the environment is not used: it cannot address an account by its name, and it
//! passes over variables that are not Unicode.

use std::collections::BTreeMap;
use std::ffi::OsString;

use ::config::{Value, ValueKind};

use super::account::name_of;
use super::error::Problem;
use super::section::Table;

pub(super) const PREFIX: &str = "LMP_BILLING_SYNC__";

/// Puts every override into `settings`; what cannot be put anywhere is a problem.
pub(super) fn overlay(
    settings: &mut Table,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Vec<Problem>,
) {
    // Sorted, so that the same mistakes are always reported in the same order.
    let ours: BTreeMap<_, _> = environment
        .into_iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.to_ascii_uppercase().starts_with(PREFIX))
        .collect();
    for (name, value) in ours {
        if let Err(message) = set(settings, &name, value) {
            problems.push(Problem::new(name, message));
        }
    }
}

fn set(settings: &mut Table, name: &str, value: OsString) -> Result<(), String> {
    let key = match name.strip_prefix(PREFIX) {
        Some(key) if key == key.to_ascii_uppercase() => key.to_ascii_lowercase(),
        _ => return Err("must be written in capitals".to_owned()),
    };
    let value = value.into_string().map_err(|_| "holds a value that is not UTF-8 text".to_owned())?;
    let origin = name.to_owned();
    let value = Value::new(Some(&origin), value);

    match key.split_once("__") {
        None => {
            settings.insert(key, value);
        }
        Some(("accounts", rest)) => {
            // From the right, because an account's name may itself hold underscores.
            let (account, key) = rest
                .rsplit_once("__")
                .ok_or("must name an account and its setting, such as …__EMEA__SECRET_KEY")?;
            account_entries(settings, account)?.insert(key.to_owned(), value);
        }
        Some((section, key)) => {
            let table = settings
                .entry(section.to_owned())
                .or_insert_with(|| Value::new(Some(&origin), Table::default()));
            // Something else than a table is reported when the section is read.
            if let ValueKind::Table(entries) = &mut table.kind {
                entries.insert(key.to_owned(), value);
            }
        }
    }
    Ok(())
}

/// The account of the file that a variable's name means. Variables cannot hold a hyphen, so an
/// underscore stands for it.
fn account_entries<'t>(settings: &'t mut Table, account: &str) -> Result<&'t mut Table, String> {
    let accounts = match settings.get_mut("accounts").map(|accounts| &mut accounts.kind) {
        Some(ValueKind::Array(accounts)) => accounts.as_mut_slice(),
        _ => &mut [],
    };
    let declared: Vec<_> = accounts.iter().filter_map(name_of).map(ToOwned::to_owned).collect();
    let mut meant = accounts
        .iter_mut()
        .filter(|candidate| name_of(candidate).is_some_and(|name| name.replace('-', "_") == account))
        .filter_map(|candidate| match &mut candidate.kind {
            ValueKind::Table(entries) => Some(entries),
            _ => None,
        });
    match (meant.next(), meant.next()) {
        (Some(entries), None) => Ok(entries),
        (Some(_), Some(_)) => {
            Err("could mean two accounts, whose names differ in - and _ only: rename one of them".to_owned())
        }
        (None, _) => Err(format!(
            "is for an account that the settings file does not declare; accounts are declared there, with \
             [[accounts]] (now: {})",
            if declared.is_empty() { "none".to_owned() } else { declared.join(", ") }
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::tests::load_with;
    use crate::config::{ConfigError, Settings};

    fn account(name: &str) -> String {
        format!(
            "[[accounts]]\nname = '{name}'\nbase_url = 'https://cspi.trendmicro.com'\n\
             access_token = 'token'\nsecret_key = 'key-for-the-tests'\n"
        )
    }

    fn message(result: Result<Settings, ConfigError>) -> String {
        result.unwrap_err().to_string()
    }

    fn token(settings: &Settings, account: usize) -> String {
        settings.accounts[account].access_token.read().unwrap().expose_secret().to_owned()
    }

    #[test]
    fn a_variable_overrides_the_file() {
        let settings = load_with(
            "data_dir = '/srv'\n[sync]\nmax_attempts = 3",
            &[("LMP_BILLING_SYNC__SYNC__MAX_ATTEMPTS", "7"), ("LMP_BILLING_SYNC__DATA_DIR", "/data")],
        )
        .unwrap();
        assert_eq!(settings.sync.max_attempts, 7);
        assert_eq!(settings.data_dir, std::path::Path::new("/data"));
    }

    #[test]
    fn an_account_is_addressed_by_its_name() {
        let file = [account("emea"), account("us-east__2_")].concat();
        let settings = load_with(
            &file,
            &[
                ("LMP_BILLING_SYNC__ACCOUNTS__EMEA__ACCESS_TOKEN", "0123"),
                ("LMP_BILLING_SYNC__ACCOUNTS__US_EAST__2___ACCESS_TOKEN", "1e5"),
            ],
        )
        .unwrap();
        assert_eq!(token(&settings, 0), "0123");
        assert_eq!(token(&settings, 1), "1e5");
    }

    #[test]
    fn accounts_cannot_be_made_up() {
        let apac = [("LMP_BILLING_SYNC__ACCOUNTS__APAC__ACCESS_TOKEN", "0123")];
        assert_eq!(
            message(load_with(&account("emea"), &apac)),
            "wrong settings: LMP_BILLING_SYNC__ACCOUNTS__APAC__ACCESS_TOKEN is for an account that the settings \
             file does not declare; accounts are declared there, with [[accounts]] (now: emea)"
        );
        assert!(message(load_with("", &apac)).ends_with("(now: none)"));
        let two = [account("a-b"), account("a_b")].concat();
        let found = message(load_with(&two, &[("LMP_BILLING_SYNC__ACCOUNTS__A_B__ACCESS_TOKEN", "0123")]));
        assert!(found.contains("could mean two accounts"), "{found}");
    }

    #[test]
    fn an_unknown_variable_is_named() {
        for (variable, end) in [
            ("LMP_BILLING_SYNC__SYNC__MAX_ATEMPTS", "is not a setting; did you mean sync.max_attempts?"),
            ("LMP_BILLING_SYNC__DATABSE__URL", "is not a setting; did you mean database?"),
            ("LMP_BILLING_SYNC__DATABASE__URL__X", "is not a setting; config.example.toml lists them all"),
            ("LMP_BILLING_SYNC__", "is not a setting; config.example.toml lists them all"),
            ("LMP_BILLING_SYNC__SYNC", "must be a table: start it with [sync]"),
            (
                "LMP_BILLING_SYNC__ACCOUNTS",
                "must be declared in the settings file, each starting with [[accounts]]",
            ),
            ("LMP_BILLING_SYNC__ACCOUNTS__EMEA", "such as …__EMEA__SECRET_KEY"),
            ("LMP_BILLING_SYNC__sync__max_attempts", "must be written in capitals"),
            ("lmp_billing_sync__http__listen", "must be written in capitals"),
        ] {
            let found = message(load_with("", &[(variable, "5")]));
            assert!(found.contains(variable) && found.ends_with(end), "{found}");
        }
    }

    #[test]
    fn other_variables_are_left_alone() {
        let others = [
            ("LMP_BILLING_SYNC_CONFIG", "/etc/x"),
            ("HTTPS_PROXY", "http://proxy"),
            ("LMP_BILLING_SYNCX__A", "1"),
        ];
        assert!(load_with("", &others).is_ok());
    }

    #[test]
    fn a_value_that_is_not_text_is_named() {
        let bytes = OsString::from_vec(b"canary-\xff".to_vec());
        let environment = [(OsString::from("LMP_BILLING_SYNC__DATABASE__URL"), bytes)];
        let found = message(Settings::from_sources(None, environment, None));
        assert_eq!(
            found,
            "wrong settings: LMP_BILLING_SYNC__DATABASE__URL holds a value that is not UTF-8 text"
        );
    }
}
