//! `simulate` as somebody uses it in one terminal, with the other commands in another.

use std::net::TcpListener;

use rustix::process::Signal;

use super::process::{Call, Running};
use crate::support::db::TestDb;

/// A simulator that is ready, and the settings it has printed.
async fn simulator() -> (Running, String) {
    let mut simulator = Call::new(&["simulate", "--listen", "127.0.0.1:0"], &std::env::temp_dir()).start();
    let settings = simulator.stdout.until("in another terminal").await.to_owned();
    (simulator, settings)
}

#[tokio::test]
async fn what_simulate_prints_makes_check_pass_when_pasted_under_a_database() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (simulator, printed) = simulator().await;
    let settings = format!("[database]\nurl = '{}'\n{printed}", db.url());
    std::fs::write(folder.path().join("config.toml"), settings).unwrap();

    Call::new(&["check"], folder.path())
        .ends_with(0)
        .await
        .says(&["ok    account simulator", " report(s) for "]);

    simulator.stops().await.complains(&["answered a request", "the simulator stops requests=1"]);
}

#[tokio::test]
async fn ctrl_c_ends_simulate_with_success() {
    let (simulator, _) = simulator().await;
    simulator.signal(Signal::INT);
    simulator.ended().await.with_code(0);
}

#[tokio::test]
async fn a_port_in_use_is_explained() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Call::new(&["simulate", "--listen", &address], &std::env::temp_dir()).ends_with(1).await;
    let ended = ended.complains(&[&address, "is another simulator running?", "--listen 127.0.0.1:0"]);
    assert_eq!(ended.stdout, "", "nobody should paste the address of something else");
}

#[tokio::test]
async fn mistakes_in_a_fault_are_wrong_usage() {
    let ended = Call::new(&["simulate", "--fault", "htlm"], &std::env::temp_dir()).ends_with(2).await;
    ended.complains(&["no kind of fault", "--help"]);
}
