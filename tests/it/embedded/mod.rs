//! The private PostgreSQL server, with real servers, real users and a real kill -9.

mod lifetime;
mod owner;
mod refusals;
mod start;

use std::fs;
use std::path::Path;

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

async fn start(data_dir: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(&EmbeddedOptions::for_tests(data_dir)).await.expect("the server starts")
}

async fn start_error(options: &EmbeddedOptions) -> String {
    EmbeddedPostgres::start(options).await.expect_err("the server must not start").to_string()
}

async fn connect(postgres: &EmbeddedPostgres) -> PgConnection {
    PgConnection::connect(postgres.url().expose_secret()).await.expect("the server takes connections")
}

fn cluster(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("postgres/data")
}

/// The server's process, as it wrote itself down.
fn server_pid(data_dir: &Path) -> rustix::process::Pid {
    let content = fs::read_to_string(cluster(data_dir).join("postmaster.pid")).expect("the server runs");
    let pid = content.lines().next().and_then(|line| line.parse().ok());
    pid.and_then(rustix::process::Pid::from_raw).expect("the first line is a process id")
}

fn is_alive(pid: rustix::process::Pid) -> bool {
    rustix::process::test_kill_process(pid).is_ok()
}

fn is_listening(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn we_are_root() -> bool {
    rustix::process::geteuid().is_root()
}
