//! Standbys of a server.

use std::net::TcpListener;

use sqlx::Executor as _;
use sqlx::postgres::PgPool;

use super::server::{OwnServer, postgres_program, run};
use crate::support::wait::until_async;

/// A real streaming standby.
pub(super) struct Standby<'p> {
    primary: &'p OwnServer,
    folder: tempfile::TempDir,
    port: u16,
}

impl<'p> Standby<'p> {
    pub(super) fn of(primary: &'p OwnServer) -> Self {
        Self::with(primary, "")
    }

    /// With more options for its server, as in `-c name=value`.
    pub(super) fn with(primary: &'p OwnServer, options: &str) -> Self {
        let folder = primary.own_folder();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let standby = Self { primary, folder, port };
        let data = standby.data();
        let mut copy = primary.command(&postgres_program("pg_basebackup"));
        copy.args(["-R", "-X", "stream", "-c", "fast", "-D", &data, "-d", &primary.url()]);
        run(&mut copy);
        let options = format!(
            "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
             -c max_connections=300 {options}"
        );
        standby.pg_ctl(&["start", "-l", &format!("{data}/log"), "-o", &options]);
        standby
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().expect("text").to_owned()
    }

    pub(super) fn pg_ctl(&self, args: &[&str]) {
        let mut command = self.primary.command(&postgres_program("pg_ctl"));
        command.args(["-w", "-s", "-D", &self.data()]).args(args);
        // What it starts would keep the pipe of a captured output open.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        assert!(command.status().expect("pg_ctl runs").success(), "{command:?}");
    }

    pub(super) fn url(&self) -> String {
        let mut url = url::Url::parse(&self.primary.url()).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }
}

impl Drop for Standby<'_> {
    fn drop(&mut self) {
        let mut command = self.primary.command(&postgres_program("pg_ctl"));
        let _ = command.args(["-s", "-D", &self.data(), "stop", "-m", "immediate"]).status();
    }
}

/// Waits until a standby has replayed all that its primary has done.
pub(super) async fn has_everything(standby: &PgPool, primary: &PgPool) {
    let done: String =
        sqlx::query_scalar("select pg_current_wal_insert_lsn()::text").fetch_one(primary).await.unwrap();
    // What no commit has followed is written down, and so sent, a quarter of a minute later by itself.
    primary.execute("checkpoint").await.unwrap();
    until_async("the standby has everything", async || {
        sqlx::query_scalar("select pg_last_wal_replay_lsn() >= $1::pg_lsn")
            .bind(&done)
            .fetch_one(standby)
            .await
            .unwrap()
    })
    .await;
}
