//! The settings as a whole: where they come from, what overrides what, and that no secret leaks.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use super::*;

/// Nothing of this may ever be seen.
const CANARY: &str = "canary-4711-canary";

/// Settings from a file's text alone, which is `/etc/test/config.toml`.
pub(super) fn load(file: &str) -> Settings {
    load_with(file, &[]).unwrap()
}

/// What is wrong with a file's text.
pub(super) fn problems(file: &str) -> Vec<String> {
    let problems = |error: ConfigError| error.problems().iter().map(ToString::to_string).collect();
    load_with(file, &[]).map_or_else(problems, |_| Vec::new())
}

/// Settings from the environment alone.
pub(super) fn variables(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    load_with("", variables)
}

pub(super) fn load_with(file: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let file = Some((PathBuf::from("/etc/test/config.toml"), file.to_owned()));
    Settings::from_sources(file, environment(variables), None)
}

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn account(lines: &str) -> String {
    format!("[[accounts]]\nname = 'emea'\nbase_url = 'https://cspi.trendmicro.com'\n{lines}\n")
}

#[test]
fn without_any_source_the_defaults_stand() {
    let settings = Settings::from_sources(None, [], None).unwrap();
    assert_eq!(settings.data_dir, PathBuf::from("/var/lib/lmp-billing-sync"));
    assert_eq!(settings.source, None);
    let found = [settings.require_accounts().unwrap_err(), settings.target().unwrap_err()];
    let said = found.map(|error| error.to_string());
    assert!(said.iter().all(|error| error.contains("none was found: looked for")), "{said:?}");
    assert!(said[0].contains("[[accounts]]") && said[1].contains("database.url"), "{said:?}");
}

#[test]
fn a_file_that_was_named_is_loaded_or_missed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    fs::write(&file, "[sync]\nmax_attempts = 9").unwrap();
    assert_eq!(Settings::load(Some(&file)).unwrap().sync.max_attempts, 9);
    fs::remove_file(&file).unwrap();
    assert!(Settings::load(Some(&file)).unwrap_err().to_string().contains("settings.toml cannot be read"));
}

#[test]
fn the_source_is_remembered_and_problems_of_all_sections_come_together() {
    assert_eq!(load("").source, Some(PathBuf::from("/etc/test/config.toml")));
    assert_eq!(
        problems("dat_dir = '/x'\nsync = 5\n[retention]\nmonths = 0\n[htp]\nlisten = ''\n[log]\nlevel = 'x'"),
        [
            "sync must be a table: start it with [sync]",
            "retention.months must be a whole number from 1 to 1200, without quotes",
            "log.level is not a setting; config.example.toml lists them all",
            "dat_dir is not a setting; did you mean data_dir?",
            "htp is not a setting; did you mean http?",
        ]
    );
    assert!(problems(&account("acces_token = 'x'")).contains(
        &"accounts.emea.acces_token is not a setting; did you mean accounts.emea.access_token?".to_owned()
    ));
}

#[test]
fn a_dotted_key_in_quotes_is_not_taken_for_a_path() {
    assert_eq!(
        problems("\"sync.max_attempts\" = 3"),
        ["sync.max_attempts is not a setting; config.example.toml lists them all"]
    );
}

#[test]
fn relative_secret_files_are_credentials_first_and_then_beside_the_settings() {
    let (etc, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(etc.path().join("emea.secret"), "beside-the-settings\n").unwrap();
    fs::write(etc.path().join("emea.token"), "token").unwrap();
    let text = account("access_token_file = 'emea.token'\nsecret_key_file = 'emea.secret'");
    let secret = || {
        let file = Some((etc.path().join("config.toml"), text.clone()));
        let settings = Settings::from_sources(file, [], Some(credentials.path().to_owned())).unwrap();
        settings.accounts[0].secret_key.read().unwrap().expose_secret().to_owned()
    };
    assert_eq!(secret(), "beside-the-settings");
    fs::write(credentials.path().join("emea.secret"), "from-systemd").unwrap();
    assert_eq!(secret(), "from-systemd");
}

#[test]
fn a_folder_of_secrets_is_found_by_the_same_name_as_credentials_and_beside_the_settings() {
    let (etc, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(etc.path().join("secrets")).unwrap();
    fs::write(etc.path().join("secrets/emea.secret"), "beside-the-settings\n").unwrap();
    let text = account("access_token = 'token'\nsecret_key_file = 'secrets/emea.secret'");
    let secret = |credentials: Option<&Path>| {
        let file = Some((etc.path().join("config.toml"), text.clone()));
        let settings = Settings::from_sources(file, [], credentials.map(Path::to_owned)).unwrap();
        settings.accounts[0].secret_key.read().unwrap().expose_secret().to_owned()
    };
    assert_eq!(secret(None), "beside-the-settings");
    // systemd names the files of a folder like this (systemd.exec(5), LoadCredential=).
    fs::write(credentials.path().join("secrets_emea.secret"), "from-systemd").unwrap();
    assert_eq!(secret(Some(credentials.path())), "from-systemd");
}

#[test]
fn a_secret_given_twice_is_refused_unless_the_environment_overrides() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, "secret-from-file").unwrap();
    let in_file = format!("access_token = 'token'\nsecret_key_file = '{}'", file.display());
    let inline = "access_token = 'token'\nsecret_key = 'secret-inline'";
    let secret = |text: &str, variables: &[(&str, &str)]| {
        let settings = load_with(&account(text), variables).map_err(|error| error.to_string())?;
        Ok::<_, String>(settings.accounts[0].secret_key.read().unwrap().expose_secret().to_owned())
    };
    let variable = ("LMP_BILLING_SYNC__ACCOUNTS__EMEA__SECRET_KEY", "secret-environment");
    let variable_file = ("LMP_BILLING_SYNC__ACCOUNTS__EMEA__SECRET_KEY_FILE", file.to_str().unwrap());

    assert_eq!(secret(&in_file, &[]).unwrap(), "secret-from-file");
    assert_eq!(secret(&in_file, &[variable]).unwrap(), "secret-environment");
    assert_eq!(secret(inline, &[variable_file]).unwrap(), "secret-from-file");
    for both in [
        secret(&format!("{in_file}\nsecret_key = 'secret-inline'"), &[]).unwrap_err(),
        secret(inline, &[variable, variable_file]).unwrap_err(),
    ] {
        assert!(both.contains("accounts.emea.secret_key"), "{both}");
        assert!(both.ends_with("and accounts.emea.secret_key_file exclude each other: remove one"), "{both}");
    }
}

#[test]
fn tokens_keep_their_leading_zeros() {
    let settings = load(&account("access_token = '0123'\nsecret_key = '0123456789'"));
    assert_eq!(settings.accounts[0].access_token.read().unwrap().expose_secret(), "0123");
    assert_eq!(settings.accounts[0].secret_key.read().unwrap().expose_secret(), "0123456789");
}

fn assert_silent(what: &str, shown: &str) {
    for part in [CANARY, "4711", "canary"] {
        assert!(!shown.contains(part), "{what}: {shown}");
    }
}

fn assert_refused_silently(what: &str, result: Result<Settings, ConfigError>) {
    let error = result.expect_err(what);
    assert_silent(what, &format!("{error} {error:?} {error:#?}"));
}

#[test]
fn right_secrets_are_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, CANARY).unwrap();
    let url = format!("postgres://user:{CANARY}@db/finance");
    let proxy = format!("http://user:{CANARY}@proxy:3128");
    let text = format!(
        "[database]\nurl = '{url}'\n[sync]\nproxy = '{proxy}'\n{}{}",
        account(&format!("access_token = '{CANARY}'\nsecret_key = '{CANARY}'")),
        account(&format!("access_token_file = {file:?}\nsecret_key_file = {file:?}")).replace("emea", "us")
    );
    let settings = load(&text);
    assert_silent("file", &format!("{settings:?} {settings:#?} {:?}", settings.target()));
    assert_silent("read", &format!("{:?}", settings.accounts[1].secret_key.read()));
    let settings =
        variables(&[("LMP_BILLING_SYNC__DATABASE__URL", &url), ("LMP_BILLING_SYNC__SYNC__PROXY", &proxy)]);
    assert_silent("environment", &format!("{settings:?}"));
}

#[test]
fn wrong_secrets_are_not_shown_wherever_they_stand() {
    const KEYS: [(&str, &str); 4] = [
        ("[database]\nurl = ", "LMP_BILLING_SYNC__DATABASE__URL"),
        ("[sync]\nproxy = ", "LMP_BILLING_SYNC__SYNC__PROXY"),
        ("[[accounts]]\nname = 'emea'\naccess_token = ", "LMP_BILLING_SYNC__ACCOUNTS__EMEA__ACCESS_TOKEN"),
        ("[[accounts]]\nname = 'emea'\nsecret_key = ", "LMP_BILLING_SYNC__ACCOUNTS__EMEA__SECRET_KEY"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let secret_file = dir.path().join("secret");
    fs::write(&secret_file, format!("{CANARY}\u{7}")).unwrap();
    for (start, variable) in KEYS {
        for value in [
            format!("\"{CANARY}\\u0007\""), // a control character
            format!("[\"{CANARY}\"]"),      // the wrong type
            format!("{{ value = '{CANARY}' }}"),
            format!("\"{CANARY}"),                                         // unclosed
            CANARY.to_owned(),                                             // unquoted
            format!("\"{CANARY}\" {CANARY}"),                              // something after it
            format!("\"\\{CANARY}\""),                                     // a wrong escape
            format!("\"\"\"{CANARY}"),                                     // unclosed to the end of the file
            format!("'{CANARY}\u{7}'"),                                    // a bare control character
            format!("'{CANARY} x'\nurl = '{CANARY} y'\nurl = '{CANARY}'"), // the key twice
            "4711".to_owned(),                                             // a number
            "47114711471147114711471147114711".to_owned(),                 // a number too large
            "4711-01-01".to_owned(),                                       // a date
        ] {
            assert_refused_silently(&value, load_with(&format!("{start}{value}\n"), &[]));
        }
        for line in [CANARY.to_owned(), format!("{CANARY} {CANARY}"), format!("= '{CANARY}'")] {
            let text = start.replace(" = ", &format!("\n{line}"));
            assert_refused_silently(&text, load_with(&text, &[]));
        }
        let entry = start.rsplit_once('\n').unwrap().0;
        for value in [format!("{CANARY}\u{7}"), format!("{CANARY} x"), format!("http://{CANARY}@")] {
            let result = load_with(entry, &[(variable, &value)]);
            assert_refused_silently(&value, result);
        }
        // The file with the control character, and the secret where its file's name belongs.
        for value in [secret_file.to_str().unwrap(), CANARY, &format!("/nonexistent/{CANARY}")] {
            let file_key = start.replace(" = ", "_file = ");
            assert_refused_silently(value, load_with(&format!("{file_key}'{value}'"), &[]));
            assert_refused_silently(value, load_with(entry, &[(&format!("{variable}_FILE"), value)]));
        }
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown_either() {
    let base = "name = 'emea'\naccess_token = 'token'\nsecret_key = 'key-for-the-tests'\n";
    for text in [
        format!("data_dir = ['{CANARY}']"),
        format!("[[accounts]]\n{base}base_url = 'https://user:{CANARY}@cspi.trendmicro.com'"),
        format!("[[accounts]]\n{base}base_url = 'https://cspi.trendmicro.com/?token={CANARY}'"),
        format!("[[accounts]]\n{base}base_url = '{CANARY}'"),
        format!("[[accounts]]\nname = '{CANARY}!'"),
        format!("accounts = ['{CANARY}']"),
        format!("accounts = '{CANARY}'"),
        format!("database = '{CANARY}'"),
        format!("[database]\npassword = '{CANARY}'"),
        format!("[database]\nurl = 'postgres://db/finance'\nembedded = '{CANARY}'"),
        format!("[sync]\nrequest_timeout = '{CANARY}'"),
        format!("[sync]\nmax_response_bytes = '{CANARY}'"),
        format!("[sync]\nignore_fields = '{CANARY}'"),
        format!("[sync]\nca_file = '{CANARY}'"),
        format!("[schedule]\ntimezone = '{CANARY}'"),
        format!("[schedule]\nrefresh = '{CANARY}'"),
        format!("[schedule]\nrefresh = '* * * * {CANARY}'"),
        format!("[http]\nlisten = '{CANARY}'"),
        format!("[log]\nfilter = 'info={CANARY}'"),
        format!("[log]\nformat = '{CANARY}'"),
    ] {
        assert_refused_silently(&text, load_with(&text, &[]));
    }
}
