//! Wrong settings: exit code 78, so that a service manager does not try again and again.

use super::lab::CommandLab;

/// Calls `status` with this text before the accounts; it must be refused with these words.
async fn refuses(text: &str, told: &[&str]) {
    let lab = CommandLab::new().await;
    lab.write_settings(&format!("{text}{}", lab.account("emea")));
    assert_eq!(lab.call(&["status"]).ends_with(78).await.complains(told).stdout, "");
}

#[tokio::test]
async fn a_settings_file_that_was_named_must_exist() {
    let lab = CommandLab::new().await;
    let ended = lab.call(&["status", "--config", "elsewhere.toml"]).ends_with(78).await;
    ended.complains(&["elsewhere.toml", "No such file"]);
}

#[tokio::test]
async fn the_environment_may_name_the_settings_file_and_is_told_when_it_is_wrong() {
    let lab = CommandLab::new().await;
    let status = |file: &str| {
        super::process::Call::new(&["status"], lab.folder()).env("LMP_BILLING_SYNC_CONFIG", file)
    };
    status("settings.toml").ends_with(0).await;
    let ended = status("elsewhere.toml").ends_with(78).await;
    ended.complains(&["elsewhere.toml (set by LMP_BILLING_SYNC_CONFIG)", "No such file"]);
    // As in a unit or container file whose variable was left empty: as if it were not there.
    std::fs::write(lab.folder().join("config.toml"), lab.head()).unwrap();
    status("").ends_with(0).await;
}

#[tokio::test]
async fn a_typing_error_in_a_key_is_told_with_the_key_meant() {
    refuses("[sync]\nmax_attemps = 3\n", &["sync.max_attemps", "did you mean sync.max_attempts?"]).await;
}

#[tokio::test]
async fn a_typing_error_in_the_environment_is_told_with_the_variable() {
    let lab = CommandLab::new().await;
    let ended = lab.call(&["status"]).set("sync.max_attemps", "3").ends_with(78).await;
    ended.complains(&["sync.max_attemps", "LMP_BILLING_SYNC__SYNC__MAX_ATTEMPS", "did you mean"]);
}

#[tokio::test]
async fn a_database_url_that_is_none_is_a_wrong_setting_whose_value_stays_secret() {
    let lab = CommandLab::new().await;
    for url in [
        "postgres://u:canary@127.0.0.1:port/x",
        "postgres://u:canary@127.0.0.1/x?sslmode=canary",
        "mysql://canary",
    ] {
        for command in ["status", "check", "sync", "migrate"] {
            let ended = lab.call(&[command]).set("database.url", url).ends_with(78).await;
            let told = ended.stdout + &ended.stderr;
            assert!(
                told.contains("database.url") && told.contains("postgres://user:password@host"),
                "{told}"
            );
            assert!(!told.contains("canary"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_ca_file_without_a_certificate_is_a_wrong_setting() {
    let lab = CommandLab::new().await;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in ["", "no certificate", broken] {
        std::fs::write(lab.folder().join("ca.pem"), content).unwrap();
        let ended = lab.call(&["sync"]).set("sync.ca_file", "ca.pem").ends_with(78).await;
        ended.complains(&["sync.ca_file", "certificate"]);
    }
    assert_eq!(lab.handle().received(), 0);
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let text = "[sync]\nmax_attempts = 0\n[schedule]\ntimezone = 'Mars/Olympus'\nprune = 'often'\n";
    refuses(text, &["sync.max_attempts", "schedule.timezone", "schedule.prune"]).await;
}

#[tokio::test]
async fn plain_http_to_a_real_host_is_refused() {
    let lab = CommandLab::new().await;
    let call = lab.call(&["sync"]).set("accounts.emea.base_url", "http://lmp.example.com");
    call.ends_with(78).await.complains(&["accounts.emea.base_url", "https"]);
}
