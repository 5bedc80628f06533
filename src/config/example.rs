//! `config.example.toml` is what people start from, so it must be right.

use std::collections::BTreeSet;
use std::fs;

use super::*;

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// The example as shipped, with the files it names.
fn example(text: &str) -> Result<Settings, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("secrets")).unwrap();
    fs::write(dir.path().join("secrets/emea.token"), "11111111-2222-3333-4444-555555555555\n").unwrap();
    fs::write(dir.path().join("secrets/emea.secret"), "key-for-the-tests\n").unwrap();
    Settings::from_sources(Some((dir.path().join("config.toml"), text.to_owned())), [], None)
}

/// The dotted keys of the example, those in comments included.
fn keys_of_example() -> BTreeSet<String> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in EXAMPLE.lines() {
        if let Some(table) = line.strip_prefix('[') {
            section = format!("{}.", table.trim_matches(['[', ']'])).replace("accounts.", "accounts.emea.");
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ")
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            keys.insert(format!("{section}{key}"));
        }
    }
    keys
}

#[test]
fn the_example_is_valid_as_shipped() {
    let settings = example(EXAMPLE).unwrap();
    settings.require_accounts().unwrap();
    settings.target().unwrap();
}

#[test]
fn the_example_shows_every_key_and_no_other() {
    let entries = load::parse(Path::new("config.example.toml"), EXAMPLE).unwrap();
    let mut reader = Reader {
        credentials_dir: None,
        base_dir: PathBuf::new(),
        reads_secrets: true,
        problems: Vec::new(),
        known: Vec::new(),
    };
    Section::read_all(&mut reader, String::new(), entries, |section| Settings::read(section, None));
    let known: BTreeSet<_> = reader.known.into_iter().filter(|key| key != "accounts").collect();
    let shown = keys_of_example();
    let (missing, unknown): (Vec<_>, Vec<_>) =
        (known.difference(&shown).collect(), shown.difference(&known).collect());
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "config.example.toml lacks {missing:?}; no setting is {unknown:?}"
    );
}

#[test]
fn what_the_example_states_is_the_default() {
    let stated = example(EXAMPLE).unwrap();
    // The same account, with nothing said that could be left out.
    let minimal = example(
        "[[accounts]]\nname = 'emea'\nbase_url = 'https://cspi.trendmicro.com'\n\
         access_token_file = 'secrets/emea.token'\nsecret_key_file = 'secrets/emea.secret'",
    )
    .unwrap();
    let show = |settings: &Settings| {
        let mut settings = settings.clone();
        // Chosen by the example, without a default; and the two files are in different directories.
        settings.database.url = None;
        settings.source = None;
        for account in &mut settings.accounts {
            account.access_token = minimal.accounts[0].access_token.clone();
            account.secret_key = minimal.accounts[0].secret_key.clone();
        }
        format!("{settings:#?}")
    };
    assert_eq!(show(&stated), show(&minimal));
}
