//! Wrong settings: exit 78 before anything is done, the setting named, its value never.

use crate::cli::lab::CommandLab;

/// What must not be told; its letters are in each wrong value that could be a secret.
const CANARY: &str = "canary-4711";

#[tokio::test]
async fn each_wrong_setting_is_named_and_nothing_is_done() {
    let lab = CommandLab::new().await;
    let wrong = [
        // A typing error in a key.
        ("sync.max_atempts", "3", "sync.max_attempts"),
        ("accounts.emea.secrt_key", CANARY, "secret_key"),
        // URLs.
        ("accounts.emea.base_url", "not a url", "base_url"),
        ("accounts.emea.base_url", "https://user:canary-4711@lmp.example.com", "base_url"),
        ("accounts.emea.base_url", "http://lmp.example.com", "https"),
        ("accounts.emea.base_url", "ftp://lmp.example.com", "base_url"),
        ("database.url", "postgres://u:canary-4711@127.0.0.1:port/x", "database.url"),
        ("database.url", "mysql://u:canary-4711@127.0.0.1/x", "database.url"),
        ("database.url", "", "database.url"),
        ("sync.proxy", "socks://u:canary-4711@proxy", "sync.proxy"),
        // Secrets.
        ("accounts.emea.secret_key", "", "secret_key"),
        ("accounts.emea.secret_key", "canary-4711\nx", "secret_key"),
        ("accounts.emea.secret_key", "canary-4711\u{7}x", "secret_key"),
        ("accounts.emea.secret_key", "canary-4711 \u{200b}", "secret_key"),
        ("accounts.emea.access_token", "", "access_token"),
        ("accounts.emea.access_token", "canary-4711\r", "access_token"),
        ("accounts.emea.access_token", "canary-4711\u{1b}[2J", "access_token"),
        // Retention.
        ("retention.months", "0", "retention.months"),
        ("retention.months", "-1", "retention.months"),
        ("retention.max_prune_fraction", "1.5", "max_prune_fraction"),
        // Schedules.
        ("schedule.refresh", "30 2 30 2 *", "schedule.refresh"),
        ("schedule.refresh", "99 * * * *", "schedule.refresh"),
        ("schedule.prune", "", "schedule.prune"),
        ("schedule.timezone", "Mars/Olympus", "schedule.timezone"),
        ("schedule.timezone", "", "schedule.timezone"),
        // Numbers.
        ("sync.max_attempts", "0", "sync.max_attempts"),
        ("accounts.emea.requests_per_second", "-1", "requests_per_second"),
        ("database.max_connections", "0", "database.max_connections"),
    ];
    for (key, value, named) in wrong {
        for command in ["run", "sync"] {
            let ended = lab.call(&[command]).set(key, value).ended().await;
            let told = ended.stdout.clone() + &ended.stderr;
            assert_eq!(ended.code, Some(78), "{key} = {value:?}: {told}");
            assert!(told.contains(named), "{key} = {value:?} is not named: {told}");
            assert!(!told.contains("canary"), "{key}: the value is told: {told}");
        }
    }
    assert_eq!(lab.handle().received(), 0, "the upstream was asked");
    assert_eq!(lab.count("select count(*) from lmp_billing.sync_runs").await, 0, "a run was begun");
}
