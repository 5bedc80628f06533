//! `[[accounts]]`: the partner accounts to poll.

use std::collections::BTreeSet;

use ::config::{Value, ValueKind};
use url::Url;

use super::base_url::base_url;
use super::secret::{Kind, Secret};
use super::section::Section;
use super::value::{Parsed, number, text, variable, whole};

/// One partner account on the LMP.
#[derive(Clone, Debug)]
pub struct Account {
    /// Identifies the account, in the database too: 1 to 32 of `a-z0-9_-`.
    pub name: String,
    /// Scheme, host and port of the LMP; the path is `/`.
    pub base_url: Url,
    /// Which edition of the resource to ask, `v2` or `v3` as in the path; both have the same shape.
    pub api_version: &'static str,
    /// Sent as `x-access-token`.
    pub access_token: Secret,
    /// Signs the requests.
    pub secret_key: Secret,
    /// Requests per second at most; from 0.001 to 1000.
    pub requests_per_second: f64,
    /// Requests under way at once; at least one.
    pub max_concurrency: u32,
}

impl Account {
    /// Whether it may be asked as often as another, and by as many at once.
    pub fn is_as_fast_as(&self, other: &Self) -> bool {
        self.requests_per_second.total_cmp(&other.requests_per_second).is_eq()
            && self.max_concurrency == other.max_concurrency
    }

    /// All accounts, in the order of the file.
    pub(super) fn read_all(settings: &mut Section<'_>) -> Vec<Self> {
        let Some(accounts) = settings.take("accounts") else { return Vec::new() };
        let variable = variable(&accounts).map(ToOwned::to_owned);
        let ValueKind::Array(accounts) = accounts.kind else {
            let message = "must be declared in the settings file, each starting with [[accounts]]";
            settings.problem("accounts", variable.as_deref(), message);
            return Vec::new();
        };
        let mut names = BTreeSet::new();
        let mut read = Vec::new();
        for (position, account) in accounts.into_iter().enumerate() {
            // Without a valid name an account can only be pointed at.
            let name = name_of(&account).map(ToOwned::to_owned);
            let path = match &name {
                Some(name) => format!("accounts.{name}"),
                None => format!("accounts[#{}]", position + 1),
            };
            let ValueKind::Table(entries) = account.kind else {
                settings.problem(&path, None, "must be a table: start it with [[accounts]]");
                continue;
            };
            if name.is_some_and(|name| !names.insert(name)) {
                let message = "is declared twice: names tell accounts apart in the database";
                settings.problem(&path, None, message);
            }
            read.extend(Section::read_all(settings.reader, path, entries, Self::read));
        }
        read
    }

    fn read(section: &mut Section<'_>) -> Option<Self> {
        let name = section.required("name", "give the account a short name of your own", name);
        let base_url = section.required("base_url", "production is https://cspi.trendmicro.com", base_url);
        let api_version = section.or("api_version", "v2", api_version);
        let access_token = section.required_secret("access_token", "access_token_file", Kind::AccessToken);
        let secret_key = section.required_secret("secret_key", "secret_key_file", Kind::SecretKey);
        // Beyond this range the pause between two requests means nothing any more.
        let requests_per_second =
            section.or("requests_per_second", 2.0, |value| number(value, 0.001..=1000.0));
        let max_concurrency = section.or("max_concurrency", 2, |value| whole(value, 1..=1000));
        Some(Self {
            name: name?,
            base_url: base_url?,
            api_version,
            access_token: access_token?,
            secret_key: secret_key?,
            requests_per_second,
            max_concurrency,
        })
    }
}

/// The name of an account that is still raw, if it has a valid one.
pub(super) fn name_of(account: &Value) -> Option<&str> {
    let ValueKind::Table(entries) = &account.kind else { return None };
    text(entries.get("name")?).ok().filter(|name| is_name(name))
}

fn is_name(text: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=32).contains(&text.len()) && text.bytes().all(allowed)
}

fn name(value: &Value) -> Parsed<String> {
    let name = text(value)?;
    if is_name(name) {
        Ok(name.to_owned())
    } else {
        Err("must be 1 to 32 of the characters a-z, 0-9, _ and -".to_owned())
    }
}

fn api_version(value: &Value) -> Parsed<&'static str> {
    match text(value)? {
        "v2" => Ok("v2"),
        "v3" => Ok("v3"),
        _ => Err("must be \"v2\" or \"v3\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{load, problems};

    const EMEA: &str = "[[accounts]]\nname = 'emea'\nbase_url = 'https://cspi.trendmicro.com'\n\
                        access_token = 'token'\nsecret_key = 'key-for-the-tests'\n";

    #[test]
    fn what_is_not_said_has_a_safe_default() {
        let account = load(EMEA).accounts.remove(0);
        assert_eq!(account.name, "emea");
        assert_eq!(account.base_url.as_str(), "https://cspi.trendmicro.com/");
        assert_eq!(account.api_version, "v2");
        assert!((account.requests_per_second - 2.0).abs() < f64::EPSILON);
        assert_eq!(account.max_concurrency, 2);
    }

    #[test]
    fn everything_missing_is_said_at_once() {
        assert_eq!(
            problems("[[accounts]]"),
            [
                "accounts[#1].name is missing: give the account a short name of your own",
                "accounts[#1].base_url is missing: production is https://cspi.trendmicro.com",
                "accounts[#1].access_token is missing: set it, or accounts[#1].access_token_file",
                "accounts[#1].secret_key is missing: set it, or accounts[#1].secret_key_file",
            ]
        );
    }

    #[test]
    fn names_are_short_plain_and_unique() {
        for wrong in ["", "EMEA", "e mea", "é", "a.b", &"x".repeat(33)] {
            let found = problems(&EMEA.replace("'emea'", &format!("'{wrong}'")));
            assert_eq!(
                found,
                ["accounts[#1].name must be 1 to 32 of the characters a-z, 0-9, _ and -"],
                "{wrong:?}"
            );
        }
        assert_eq!(
            problems(&EMEA.repeat(2)),
            ["accounts.emea is declared twice: names tell accounts apart in the database"]
        );
    }

    #[test]
    fn accounts_are_tables() {
        assert_eq!(
            problems("accounts = [['emea', 'https://cspi.trendmicro.com']]"),
            ["accounts[#1] must be a table: start it with [[accounts]]"]
        );
        assert_eq!(
            problems("[accounts]\nname = 'emea'"),
            ["accounts must be declared in the settings file, each starting with [[accounts]]"]
        );
    }

    #[test]
    fn rates_are_positive_and_finite() {
        for wrong in ["0", "-1", "0.0", "inf", "nan", "1e9", "'2'"] {
            let found = problems(&format!("{EMEA}requests_per_second = {wrong}"));
            assert_eq!(
                found,
                ["accounts.emea.requests_per_second must be a number from 0.001 to 1000, without quotes"],
                "{wrong}"
            );
        }
        assert_eq!(problems(&format!("{EMEA}max_concurrency = 0")).len(), 1);
    }
}
