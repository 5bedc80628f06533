//! Secrets are for one place only: no output, at whatever level, and no list of processes shows them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lab::{CommandLab, SECRET_KEY, months_ago, token};
use super::process::{Call, Ended};

const PROXY: &str = "canary-of-the-proxy";

/// What must not be seen, the database's password included if the test server has one.
fn canaries(lab: &CommandLab) -> Vec<String> {
    let proxy_header = STANDARD.encode(format!("finance:{PROXY}"));
    let url = url::Url::parse(lab.db.url()).unwrap();
    let password = url.password().map(str::to_owned).filter(|password| password.len() > 4);
    [token("emea"), SECRET_KEY.to_owned(), "wrong-canary".to_owned(), PROXY.to_owned(), proxy_header]
        .into_iter()
        .chain(password)
        .collect()
}

fn assert_silent(lab: &CommandLab, ended: &Ended) {
    for canary in canaries(lab) {
        let told = ended.stdout.contains(&canary) || ended.stderr.contains(&canary);
        assert!(!told, "{canary} is in\n{}\n{}", ended.stdout, ended.stderr);
    }
}

fn traced(call: Call) -> Call {
    call.set("log.filter", "trace")
}

#[tokio::test]
async fn no_command_tells_a_secret_at_any_level_of_logging() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1).to_string();
    for args in [&["check"] as &[&str], &["migrate"], &["sync", "--cycle", &cycle], &["status"]] {
        for format in ["text", "json"] {
            let ended = traced(lab.call(args)).set("log.format", format).ends_with(0).await;
            assert!(ended.stderr.contains("DEBUG"), "it is not traced: {}", ended.stderr);
            assert_silent(&lab, &ended);
        }
    }
}

#[tokio::test]
async fn failures_tell_no_secret_either() {
    let lab = CommandLab::new().await;
    let proxy = format!("http://finance:{PROXY}@{}", lab.lmp.addr());
    let gone = format!("http://finance:{PROXY}@127.0.0.1:1");
    let mut url = url::Url::parse(lab.db.url()).unwrap();
    url.set_username("nobody_of_this_name").unwrap();
    url.set_password(Some("wrong-canary")).unwrap();
    for (key, value) in [
        ("sync.proxy", proxy.as_str()),
        ("sync.proxy", &gone),
        ("database.url", url.as_str()),
        ("accounts.emea.secret_key", "wrong-canary"),
        ("accounts.emea.access_token", "wrong-canary"),
        ("accounts.emea.secret_key", "wrong-canary with spaces"),
    ] {
        for command in ["check", "sync"] {
            let ended = traced(lab.call(&[command])).set(key, value).ended().await;
            assert_silent(&lab, &ended);
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_list_of_processes_shows_no_secret() {
    use lmp_billing_sync::simulator::{Fault, FaultRule, Gate};
    use rustix::process::Signal;

    let lab = CommandLab::new().await;
    let gate = Gate::closed();
    lab.handle().push_fault(FaultRule::always(Fault::Hold(gate.clone())));
    let running = lab.call(&["sync"]).start();
    lab.handle().wait_for_requests(1).await;
    for file in ["cmdline", "environ"] {
        let shown = std::fs::read(format!("/proc/{}/{file}", running.pid())).unwrap();
        let shown = String::from_utf8_lossy(&shown);
        assert!(!shown.is_empty());
        for canary in canaries(&lab) {
            assert!(!shown.contains(&canary), "{canary} is in {file}: {shown}");
        }
    }
    running.signal(Signal::TERM);
    running.ended().await.with_code(1);
}
