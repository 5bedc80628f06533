//! A failover: the server we are connected to has become read-only, and its standby takes over.

use std::net::TcpListener;

use super::check;
use super::rig::Rig;
use super::rounds;
use super::server::{OwnServer, pool, postgres_program, run};
use crate::support::lab::Lab;
use crate::support::wait::{until, until_async};

/// A real streaming standby.
struct Standby<'p> {
    primary: &'p OwnServer,
    folder: tempfile::TempDir,
    port: u16,
}

impl<'p> Standby<'p> {
    fn of(primary: &'p OwnServer) -> Self {
        let folder = primary.own_folder();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let standby = Self { primary, folder, port };
        let data = standby.data();
        let mut copy = primary.command(&postgres_program("pg_basebackup"));
        copy.args(["-R", "-X", "stream", "-c", "fast", "-D", &data, "-d", &primary.url()]);
        run(&mut copy);
        let options = format!(
            "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
             -c max_connections=300"
        );
        standby.pg_ctl(&["start", "-l", &format!("{data}/log"), "-o", &options]);
        standby
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().expect("text").to_owned()
    }

    fn pg_ctl(&self, args: &[&str]) {
        let mut command = self.primary.command(&postgres_program("pg_ctl"));
        command.args(["-w", "-s", "-D", &self.data()]).args(args);
        // What it starts would keep the pipe of a captured output open.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        assert!(command.status().expect("pg_ctl runs").success(), "{command:?}");
    }

    fn url(&self) -> String {
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

#[tokio::test]
async fn after_a_failover_connections_to_the_old_primary_are_given_up_and_the_new_one_is_found() {
    let seed = rounds::seed();
    let primary = OwnServer::quick().await;
    let old = primary.migrated().await;
    let standby = Standby::of(&primary);
    let mut rig = Rig::on(Lab::new().await, &primary.url(), seed).await;
    for round in 0..3 {
        let cycles = rig.next_chapter(round < 2);
        rig.converges(&old, &cycles, &format!("chapter {round}")).await;
    }
    let new = pool(&standby.url()).await;
    let written: String =
        sqlx::query_scalar("select pg_current_wal_lsn()::text").fetch_one(&old).await.unwrap();
    until_async("the standby has everything", async || {
        sqlx::query_scalar("select pg_last_wal_replay_lsn() >= $1::pg_lsn")
            .bind(&written)
            .fetch_one(&new)
            .await
            .unwrap()
    })
    .await;
    check::tells(&new, &rig.story, "on the standby").await;

    // Demoted, with its connections left open; new ones lead to the standby, which still only follows.
    sqlx::raw_sql("alter system set default_transaction_read_only = on").execute(&old).await.unwrap();
    sqlx::raw_sql("select pg_reload_conf()").execute(&old).await.unwrap();
    let demoted = "select current_setting('default_transaction_read_only') = 'on'";
    until_async("the old primary is read-only", async || {
        sqlx::query_scalar(demoted).fetch_one(&old).await.unwrap()
    })
    .await;
    rig.proxy.lead_to(&standby.url()).await;
    let cycles = rig.next_chapter(true);
    let refused = || rig.proxy.errors().iter().filter(|code| *code == "25006").count();
    let promote = async {
        until("both refuse to write", || refused() >= 4).await;
        standby.pg_ctl(&["promote"]);
    };
    let (ended, ()) = tokio::join!(rig.lab.sync(&cycles), promote);
    assert_eq!(ended.polls.len(), cycles.len());
    check::tells(&new, &rig.story, "on the new primary").await;
    let cycles = rig.next_chapter(true);
    rig.converges(&new, &cycles, "the chapter after").await;
    rig.lab.store.close().await;
    new.close().await;
    old.close().await;
    drop(standby);
    primary.stop().await;
}
