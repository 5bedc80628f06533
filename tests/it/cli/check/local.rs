//! What this machine alone can tell.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use tokio::net::TcpListener;

use super::super::lab::{CommandLab, SECRET_KEY, token};
use super::super::process::Ended;
use super::verdicts;
use crate::daemon::{NEVER, settings};

/// The line about this.
fn line<'e>(ended: &'e Ended, subject: &str) -> &'e str {
    let found = ended.stdout.lines().find(|line| line.contains(subject));
    found.unwrap_or_else(|| panic!("{subject} is not spoken of: {}", ended.stdout))
}

/// A laboratory whose secrets lie in files of their own beside the settings, for their owner alone.
async fn with_files() -> CommandLab {
    let lab = CommandLab::new().await;
    let account = lab
        .account("emea")
        .replace(&format!("access_token = '{}'", token("emea")), "access_token_file = 'emea.token'")
        .replace(&format!("secret_key = '{SECRET_KEY}'"), "secret_key_file = 'emea.secret'");
    lab.write_settings(&format!("{}{account}", lab.head()));
    for (file, content) in [("emea.token", token("emea")), ("emea.secret", SECRET_KEY.to_owned())] {
        fs::write(lab.folder().join(file), content + "\n").unwrap();
        chmod(&lab, file, 0o600);
    }
    lab
}

fn chmod(lab: &CommandLab, file: &str, mode: u32) {
    fs::set_permissions(lab.folder().join(file), Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn offline_nothing_is_asked_and_what_this_machine_can_tell_is_told() {
    let lab = CommandLab::new().await;
    let nowhere = "postgres://finance:hidden@db.invalid/reports";
    let ended = lab.call(&["check", "--offline"]).set("database.url", nowhere).ends_with(0).await;
    assert_eq!(
        verdicts(&ended),
        [
            "ok settings",
            "ok schedule",
            "ok proxy",
            "ok secrets",
            "ok http",
            "ok database",
            // The way there is not made sure of.
            "warn encryption",
            "ok account emea"
        ]
    );
    assert!(!ended.stdout.contains("hidden"));
    ended.says(&["db.invalid:5432/reports as finance; not tried", "sslmode=verify-full", "not asked"]);
    assert_eq!(lab.handle().received(), 0);
}

#[tokio::test]
async fn an_access_token_that_is_no_guid_is_remarked_on_and_not_shown() {
    let lab = with_files().await;
    fs::write(lab.folder().join("emea.token"), "taken-for-the-secret-key\n").unwrap();
    let ended = lab.call(&["check", "--offline"]).ends_with(0).await;
    let said = line(&ended, "GUID");
    assert!(
        said.starts_with("warn  secrets ")
            && said.contains("accounts.emea.access_token_file does not hold a GUID"),
        "{said}"
    );
    assert!(!ended.stdout.contains("taken-for"));
}

#[tokio::test]
async fn the_next_tick_of_each_job_is_told_in_the_zone_of_the_schedules() {
    let lab = CommandLab::new().await;
    let settings = format!(
        "{}{}[schedule]\ntimezone = 'Asia/Kolkata'\nprune = '17 5 * * *'\nrefresh = '0 0 29 2 *'\n",
        lab.head(),
        lab.account("emea")
    );
    lab.write_settings(&settings);
    let ended = lab.succeeds(&["check", "--offline"]).await;
    let schedule = line(&ended, "schedule");
    for told in
        ["discover 2", "refresh 2", "-02-29 00:00", "reconcile 2", "prune 2", " 05:17", "(Asia/Kolkata)"]
    {
        assert!(schedule.contains(told), "{told}: {schedule}");
    }
}

#[tokio::test]
async fn secret_files_that_others_may_read_are_told_with_the_command_that_mends_it() {
    let lab = with_files().await;
    let file = lab.folder().join("emea.secret").display().to_string();
    assert!(line(&lab.succeeds(&["check"]).await, "secrets").starts_with("ok"));
    for (mode, whom, command) in [
        (0o644, "everybody", "chmod o-rwx "),
        (0o604, "everybody", "chmod o-rwx "),
        (0o640, "its group", "chmod g-rwx "),
    ] {
        chmod(&lab, "emea.secret", mode);
        let ended = lab.succeeds(&["check"]).await;
        let told = line(&ended, "secrets");
        assert!(told.starts_with("warn"), "{mode:o}: {told}");
        for part in [whom, &file, "accounts.emea.secret_key_file", &format!("`{command}{file}`")] {
            assert!(told.contains(part), "{mode:o}: {part}: {told}");
        }
        assert!(!told.contains("emea.token"), "the other is well: {told}");
    }
    // As typed.
    let mended = std::process::Command::new("chmod").arg("g-rwx").arg(&file).status().unwrap();
    assert!(mended.success());
    assert!(line(&lab.succeeds(&["check"]).await, "secrets").starts_with("ok"));
}

#[tokio::test]
async fn a_settings_file_with_secrets_that_others_may_read_is_told_and_one_without_is_not() {
    let lab = CommandLab::new().await;
    chmod(&lab, "settings.toml", 0o644);
    let ended = lab.succeeds(&["check"]).await;
    let told = line(&ended, "secrets");
    assert!(told.starts_with("warn"), "{told}");
    for part in ["settings.toml holds secrets", "database.url", "accounts.emea.secret_key", "secret_key_file"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    // The service could not read its settings any more.
    assert!(!told.contains("chmod"), "{told}");
    let lab = with_files().await;
    let settings = fs::read_to_string(lab.folder().join("settings.toml")).unwrap();
    lab.write_settings(&settings.replace(&format!("url = '{}'", lab.db.url()), ""));
    chmod(&lab, "settings.toml", 0o644);
    let ended = lab.call(&["check"]).set("database.url", lab.db.url()).ends_with(0).await;
    assert!(line(&ended, "secrets").starts_with("ok"), "{}", ended.stdout);
}

#[tokio::test]
async fn files_of_the_service_managers_credentials_are_its_own_affair() {
    let lab = with_files().await;
    chmod(&lab, "emea.secret", 0o440);
    let folder = lab.folder().display().to_string();
    let ended = lab.call(&["check"]).env("CREDENTIALS_DIRECTORY", &folder).ends_with(0).await;
    assert!(line(&ended, "secrets").starts_with("ok"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_secret_file_that_is_missing_empty_or_ends_with_white_space_is_a_wrong_setting() {
    for (content, told) in [
        (None, "names a file that does not exist"),
        (Some(""), "is empty"),
        (Some("a-secret-key-of-the-test \n"), "ends with white space"),
        (Some("a-secret-key-of-the-test\n\n"), "more than one line"),
        (Some("short"), "10 to 100 visible"),
    ] {
        let lab = with_files().await;
        let file = lab.folder().join("emea.secret");
        match content {
            Some(content) => fs::write(&file, content).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        for args in [&["check"] as &[&str], &["check", "--offline"]] {
            let ended = lab.call(args).ends_with(78).await.complains(&["accounts.emea.secret_key", told]);
            assert!(!ended.stderr.contains("a-secret-key"), "{}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn the_proxy_is_told_without_its_password_and_the_environments_is_said_not_to_be_read() {
    let lab = CommandLab::new().await;
    let proxy = "http://finance:canary-of-the-proxy@proxy.invalid:3128";
    let ended = lab.call(&["check", "--offline"]).set("sync.proxy", proxy).ends_with(0).await;
    assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
    ended.says(&["ok    proxy", "http://proxy.invalid:3128 with user and password"]);
    let ended =
        lab.call(&["check", "--offline"]).env("https_proxy", "http://u:canary@p:1").ends_with(0).await;
    assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
    ended.says(&["warn  proxy", "https_proxy is not read", "set sync.proxy"]);
}

#[tokio::test]
async fn a_file_of_authorities_that_holds_none_is_a_wrong_setting() {
    let lab = CommandLab::new().await;
    for content in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        fs::write(lab.folder().join("ca.pem"), content).unwrap();
        let ended = lab.call(&["check", "--offline"]).set("sync.ca_file", "ca.pem").ends_with(78).await;
        ended.says(&["FAIL  account emea", "sync.ca_file"]);
    }
}

#[tokio::test]
async fn a_disk_without_room_for_the_private_database_is_a_failure() {
    let lab = CommandLab::new().await;
    // A file system that has no room at all, wherever there is one.
    let settings = format!("data_dir = '/proc/lmp'\n[database]\nembedded = true\n{}", lab.account("emea"));
    lab.write_settings(&settings);
    let ended = lab.call(&["check", "--offline"]).ends_with(1).await;
    assert!(line(&ended, "disk").starts_with("FAIL"), "{}", ended.stdout);
    ended.says(&["0 B free for data_dir in /proc", "choose another data_dir"]);

    let data = tempfile::tempdir().unwrap();
    lab.write_settings(&settings.replace("/proc/lmp", &data.path().join("new").display().to_string()));
    let ended = lab.call(&["check", "--offline"]).ends_with(0).await;
    ended.says(&[
        &format!("free for data_dir in {}", data.path().display()),
        "a private PostgreSQL",
        "no data yet",
        "not started",
    ]);
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "nothing is made");
}

#[tokio::test]
async fn a_folder_without_server_programs_is_told_though_nothing_is_started() {
    let lab = CommandLab::new().await;
    let settings =
        format!("data_dir = 'data'\n[database]\nembedded = true\nbin_dir = '.'\n{}", lab.account("emea"));
    lab.write_settings(&settings);
    let ended = lab.call(&["check", "--offline"]).ends_with(1).await;
    ended.says(&["FAIL  database", "database.bin_dir", "no working initdb"]);
}

#[tokio::test]
async fn an_address_that_another_program_has_is_told_and_a_free_one_or_the_daemons_is_right() {
    let lab = CommandLab::new().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let check = |args: &[&str], address: &str| lab.call(args).set("http.listen", address);
    let ended = check(&["check"], &free).ends_with(0).await;
    assert!(
        line(&ended, "http").ends_with(&format!("{free} is free; no daemon uses it now")),
        "{}",
        ended.stdout
    );

    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let hang_up = async { drop(other.accept().await.unwrap()) };
    let (ended, ()) = tokio::join!(check(&["check"], &taken).ends_with(1), hang_up);
    let told = line(&ended, "http");
    assert!(told.starts_with("FAIL") && told.contains("is taken, and not by the daemon"), "{told}");
    // Offline nobody is asked who it is.
    let ended = check(&["check", "--offline"], &taken).ends_with(0).await;
    assert!(line(&ended, "http").starts_with("warn"), "{}", ended.stdout);

    let ended = check(&["check"], "192.0.2.1:9464").ends_with(1).await;
    assert!(line(&ended, "http").contains("choose another address"), "{}", ended.stdout);
    let ended = check(&["check"], "127.0.0.1:1023").ended().await;
    // As root it can be had, but not by the service.
    let told = line(&ended, "http");
    assert!(told.contains("CAP_NET_BIND_SERVICE") || told.contains("Permission denied"), "{told}");

    lab.write_settings(&settings(&lab, &["emea"], NEVER));
    let mut daemon = lab.call(&["run"]).set("http.listen", "127.0.0.1:0").start();
    let address = daemon.address().await.to_string();
    daemon.stderr.until("reconcile succeeded").await;
    let ended = check(&["check"], &address).ends_with(0).await;
    assert!(
        line(&ended, "http").ends_with(&format!("a daemon serves http://{address}/")),
        "{}",
        ended.stdout
    );
    daemon.stops().await;
}
