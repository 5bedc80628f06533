//! The server lives exactly as long as the program that started it.

use std::fs;

use rustix::process::{Signal, kill_process};

use super::owner::{NOBODY, Owner, canary};
use super::{connect, is_alive, is_listening, server_pid, start, we_are_root};
use crate::support::dir::data_dir;
use crate::support::wait::until;

#[tokio::test]
async fn kill_9_of_the_program_stops_the_server() {
    let dir = data_dir();
    let mut owner = Owner::spawn(dir.path());
    let port = owner.ready();
    let server = server_pid(dir.path());
    owner.kill();
    until("the server's process goes", || !is_alive(server)).await;
    assert!(!is_listening(port));
    assert!(!dir.path().join("postgres/data/postmaster.pid").exists(), "it did not stop in good order");
}

#[tokio::test]
async fn a_start_right_after_kill_9_waits_for_the_old_server() {
    let dir = data_dir();
    let mut owner = Owner::spawn(dir.path());
    let port = owner.ready();
    let old = server_pid(dir.path());
    owner.kill();
    let postgres = start(dir.path()).await;
    assert!(!is_alive(old));
    assert_eq!(postgres.port(), port);
    connect(&postgres).await;
}

#[tokio::test]
async fn kill_9_in_the_middle_of_initdb_leaves_nothing_in_the_way() {
    let dir = data_dir();
    let mut owner = Owner::spawn(dir.path());
    let half_made = dir.path().join("postgres/initdb.tmp/data/base");
    until("initdb has begun", || half_made.exists()).await;
    owner.kill();
    let postgres = start(dir.path()).await;
    connect(&postgres).await;
    assert!(!dir.path().join("postgres/initdb.tmp").exists());
}

#[tokio::test]
async fn an_ordinary_user_can_own_a_server_too() {
    let dir = data_dir();
    let mut owner = Owner::spawn_as_ordinary_user(dir.path());
    let port = owner.ready();
    assert!(is_listening(port));
    let server = server_pid(dir.path());
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        let process = fs::metadata(format!("/proc/{}", server.as_raw_nonzero())).unwrap();
        assert_eq!(process.uid(), if we_are_root() { NOBODY } else { rustix::process::geteuid().as_raw() });
    }
    owner.kill();
    until("the server's process goes", || !is_alive(server)).await;

    // Root may take over what an ordinary user began; the data keeps its owner.
    let postgres = start(dir.path()).await;
    connect(&postgres).await;
}

#[tokio::test]
async fn ctrl_c_reaches_the_program_and_not_the_server() {
    let dir = data_dir();
    let mut owner = Owner::spawn(dir.path());
    let port = owner.ready();
    let server = server_pid(dir.path());
    owner.interrupt();
    owner.said("still connected");
    owner.said("stopped");
    assert!(!is_alive(server) && !is_listening(port), "stop did not wait");
    owner.wait();
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let dir = data_dir();
    let postgres = start(dir.path()).await;
    let server = server_pid(dir.path());
    drop(postgres);
    until("the server's process goes", || !is_alive(server)).await;
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let dir = data_dir();
    let postgres = start(dir.path()).await;
    kill_process(server_pid(dir.path()), Signal::KILL).unwrap();
    let status = tokio::time::timeout(std::time::Duration::from_secs(30), postgres.ended()).await.unwrap();
    assert_eq!(status.code(), Some(128 + 9));
    drop(postgres);
    // Nothing was flushed, and everything committed is there all the same.
    connect(&start(dir.path()).await).await;
}

#[tokio::test]
async fn a_frozen_server_is_killed_in_the_end() {
    let dir = data_dir();
    let postgres = start(dir.path()).await;
    let server = server_pid(dir.path());
    kill_process(server, Signal::STOP).unwrap();
    postgres.stop().await;
    assert!(!is_alive(server));
    connect(&start(dir.path()).await).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_other_process_learns_a_secret() {
    let dir = data_dir();
    let mut owner = Owner::spawn(dir.path());
    owner.ready();
    let password = fs::read_to_string(dir.path().join("postgres/password")).unwrap();
    let server = server_pid(dir.path()).as_raw_nonzero();
    let environment = fs::read(format!("/proc/{server}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains(canary()));

    let mut seen_guard = false;
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Ok(command_line) = fs::read(process.path().join("cmdline")) else { continue };
        let command_line = String::from_utf8_lossy(&command_line);
        assert!(!command_line.contains(password.trim()), "{command_line}");
        seen_guard |= command_line.contains("lmp-billing-sync-guard")
            && command_line.contains(&*dir.path().to_string_lossy());
    }
    assert!(seen_guard);
}
