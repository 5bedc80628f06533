//! `demo`: works at once, and leaves nothing behind.

use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Call;
use crate::support::dir::data_dir;
use crate::support::wait::until;

/// The demo, with this folder for what it keeps for the time being.
fn demo(args: &[&str], folder: &Path) -> Call {
    let text = folder.to_str().unwrap();
    Call::new(&[&["demo", "--partners", "3"], args].concat(), folder).env("TMPDIR", text)
}

async fn nothing_is_left(folder: &TempDir) {
    let left: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    #[cfg(target_os = "linux")]
    until("all its processes are gone", || !is_mentioned(folder.path())).await;
}

/// Whether a process has the folder in its command line, as server and guard have.
#[cfg(target_os = "linux")]
fn is_mentioned(folder: &Path) -> bool {
    let folder = folder.to_str().unwrap();
    let mut processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.any(|process| {
        std::fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(folder))
    })
}

#[tokio::test]
async fn a_demo_of_two_rounds_tells_how_to_connect_and_leaves_nothing_behind() {
    let folder = data_dir();
    let ended = demo(&["--rounds", "2"], folder.path()).ends_with(0).await;
    let ended = ended.says(&[
        "First sync",
        "reports of 25 billing months",
        "psql 'postgres://",
        "lmp_billing.cycle_progress",
        "Stopping.",
    ]);
    assert_eq!(ended.stderr, "");
    nothing_is_left(&folder).await;
}

#[tokio::test]
async fn ctrl_c_ends_the_demo_and_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = data_dir();
        let mut running = demo(&[], folder.path()).start();
        running.stdout.until("Ctrl-C ends it").await;
        #[cfg(target_os = "linux")]
        assert!(is_mentioned(folder.path()), "the server would not be found by its command line");
        running.signal(signal);
        running.ended().await.with_code(0);
        nothing_is_left(&folder).await;
    }
}

#[tokio::test]
async fn a_demo_that_nobody_reads_ends() {
    let folder = data_dir();
    let unread = std::io::pipe().unwrap().1;
    demo(&[], folder.path()).stdout(unread).ended().await;
    nothing_is_left(&folder).await;
}

#[tokio::test]
async fn a_demo_reads_no_settings() {
    let folder = data_dir();
    std::fs::write(folder.path().join("config.toml"), "[sync]\nmax_attemps = 1\n").unwrap();
    demo(&["--rounds", "1"], folder.path()).ends_with(0).await;
}
