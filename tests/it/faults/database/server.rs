//! Servers of a test's own, whose processes can be stopped, frozen and copied.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lmp_billing_sync::store::Store;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tempfile::TempDir;

use crate::support::dir::{data_dir, exec_dir};

/// A server that this test alone uses.
pub(super) struct OwnServer {
    options: EmbeddedOptions,
    server: Option<EmbeddedPostgres>,
    pub(super) folder: TempDir,
}

impl OwnServer {
    /// One that writes everything to disk before it says so.
    pub(super) async fn durable() -> Self {
        let folder = exec_dir();
        Self::start_with(EmbeddedOptions::new(folder.path()), folder).await
    }

    /// One that is quick.
    pub(super) async fn quick() -> Self {
        let folder = data_dir();
        Self::start_with(EmbeddedOptions::for_tests(folder.path()), folder).await
    }

    async fn start_with(options: EmbeddedOptions, folder: TempDir) -> Self {
        let server = EmbeddedPostgres::start(&options).await.expect("a server starts");
        Self { options, server: Some(server), folder }
    }

    fn running(&self) -> &EmbeddedPostgres {
        self.server.as_ref().expect("it runs")
    }

    pub(super) fn url(&self) -> String {
        self.running().url().expose_secret().to_owned()
    }

    pub(super) fn port(&self) -> u16 {
        self.running().port()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("postgres/data")
    }

    /// Connections of the test's own, after the schema has been brought up to date.
    pub(super) async fn migrated(&self) -> PgPool {
        let store = Store::connect(&self.running().url(), 1).await.expect("it takes connections");
        store.migrate().await.expect("it can be migrated");
        store.close().await;
        pool(&self.url()).await
    }

    /// What `pg_ctl stop -m immediate` does: all its processes end without tidying up.
    pub(super) async fn stop_immediately(&mut self) {
        let file = fs::read_to_string(self.data().join("postmaster.pid"));
        let file = file.expect("a running server has a process id file");
        let postmaster = file.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw);
        kill_process(postmaster.expect("a process id"), Signal::QUIT).expect("it runs");
        let server = self.server.take().expect("it runs");
        server.ended().await;
        server.stop().await;
    }

    /// Starts it again; it recovers from its log first.
    pub(super) async fn start(&mut self) {
        let server = EmbeddedPostgres::start(&self.options).await.expect("it recovers");
        self.server = Some(server);
    }

    pub(super) async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// A program of PostgreSQL's, run as the user whose data it is.
    pub(super) fn command(&self, program: &Path) -> Command {
        let owner = fs::metadata(self.data()).expect("the data are there");
        let mut command = Command::new(program);
        command.current_dir("/").env("PGPASSWORD", self.password());
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        command
    }

    pub(super) fn password(&self) -> String {
        url::Url::parse(&self.url()).unwrap().password().expect("a password").to_owned()
    }

    /// A folder that the server's user may fill.
    pub(super) fn own_folder(&self) -> TempDir {
        let folder = exec_dir();
        let owner = fs::metadata(self.data()).expect("the data are there");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        folder
    }
}

pub(super) async fn pool(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(2).connect(url).await.expect("it takes connections")
}

/// A program that comes with the server.
pub(super) fn postgres_program(name: &str) -> PathBuf {
    let options = EmbeddedOptions::new("no data yet");
    let found = EmbeddedPostgres::survey(&options).expect("PostgreSQL is installed");
    // The server may be a link to where all of its programs are.
    let server = found.bin_dir.join("postgres").canonicalize().expect("it is there");
    let program = server.with_file_name(name);
    assert!(program.exists(), "{name} is missing; scripts/ensure-postgres.sh installs it");
    program
}

/// Runs it to its end, which must be a good one.
pub(super) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
