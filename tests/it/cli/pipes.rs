//! A reader who has seen enough, `… | head -1`: no reason to complain, let alone to panic.

use super::lab::{CommandLab, months_ago};
use super::process::Call;

/// A standard output that nobody reads.
fn unread() -> std::io::PipeWriter {
    std::io::pipe().expect("a pipe").1
}

async fn ends_quietly(call: Call, code: i32) {
    let ended = call.stdout(unread()).ends_with(code).await;
    assert!(!ended.stderr.contains("Broken pipe"), "{}", ended.stderr);
}

#[tokio::test]
async fn every_result_may_go_unread() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1).to_string();
    for output in ["table", "json", "csv"] {
        ends_quietly(lab.call(&["sync", "--cycle", &cycle, "--output", output]), 0).await;
        ends_quietly(lab.call(&["status", "--output", output]), 0).await;
        let id = lab.texts("select id::text from lmp_billing.reports limit 1").await.remove(0);
        ends_quietly(lab.call(&["history", &id, "--output", output]), 0).await;
    }
    for output in ["csv", "jsonl"] {
        ends_quietly(lab.call(&["export", "--output", output]), 0).await;
        ends_quietly(lab.call(&["export", "--history", "--output", output]), 0).await;
    }
    ends_quietly(lab.call(&["check"]), 0).await;
    ends_quietly(lab.call(&["migrate"]), 0).await;
    ends_quietly(lab.call(&["--help"]), 0).await;
}

#[tokio::test]
async fn the_exit_code_tells_of_failures_that_nobody_reads() {
    let lab = CommandLab::new().await;
    let refused = |args: &[&str]| lab.call(args).set("accounts.emea.secret_key", "not-the-right-key");
    ends_quietly(refused(&["check"]), 1).await;
    ends_quietly(refused(&["sync"]), 1).await;
}
