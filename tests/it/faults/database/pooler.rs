//! pgbouncer in transaction mode between the program and the server.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};

use chrono::TimeDelta;
use lmp_billing_sync::clock::SystemClock;
use lmp_billing_sync::prune::Pruning;
use lmp_billing_sync::store::{Claim, Job, RunOutcome, Store, Tick, Trigger};
use sqlx::{Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;

use super::check;
use super::rig::Rig;
use super::rounds;
use super::server::{OwnServer, pool};
use crate::support::lab::Lab;
use crate::support::wait::until_async;

struct PgBouncer {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl PgBouncer {
    /// With three sessions of the server for all clients together.
    async fn before(server: &OwnServer) -> Self {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let program = program.into_iter().map(Path::new).find(|program| program.exists());
        let program = program.expect("pgbouncer is missing; scripts/ensure-test-tools.sh installs it");
        let folder = server.own_folder();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (password, users) = (server.password(), folder.path().join("users"));
        std::fs::write(&users, format!("\"lmp_billing\" \"{password}\"\n")).unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\nlmp_billing = host=127.0.0.1 port={} password={password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n\
             auth_file = {}\npool_mode = transaction\ndefault_pool_size = 3\n",
            server.port(),
            users.display()
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = server.command(program);
        let process = command.arg(&settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pooler = Self { process, port, _folder: folder };
        let url = pooler.url(server);
        until_async("pgbouncer takes connections", async || {
            let connected = PgConnection::connect(&format!("{url}&application_name=test")).await;
            // sqlx's own settings at start are not to pgbouncer's liking; that it answers is enough.
            connected.is_ok() || connected.is_err_and(|error| error.as_database_error().is_some())
        })
        .await;
        pooler
    }

    fn url(&self, server: &OwnServer) -> String {
        let mut url = url::Url::parse(&server.url()).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.set_query(Some("sslmode=disable&statement-cache-capacity=0"));
        url.into()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn behind_pgbouncer_in_transaction_mode_everything_works() {
    let seed = rounds::seed();
    let server = OwnServer::quick().await;
    let pooler = PgBouncer::before(&server).await;
    let url = pooler.url(&server);
    let store = Store::connect(&url.as_str().into(), 2).await.unwrap();
    store.migrate().await.unwrap();
    assert!(store.schema().await.unwrap().is_current());
    store.close().await;

    // More clients than sessions of the server, at once.
    let pool = pool(&server.url()).await;
    let mut rig = Rig::on(Lab::new().await, &url, seed).await;
    let others: Vec<Store> = futures_util::future::join_all(
        (0..3).map(|_| async { Store::connect(&url.as_str().into(), 4).await.unwrap() }),
    )
    .await;
    for round in 0..10 {
        let cycles = rig.next_chapter(round < 4);
        let looks = futures_util::future::join_all(others.iter().map(|other| async {
            for _ in 0..5 {
                other.last_runs().await.unwrap();
                other.unfinished_cycles("emea").await.unwrap();
                let due_at = other.now().await.unwrap() - TimeDelta::seconds(1);
                let tick = Tick {
                    account: "emea",
                    job: Job::Refresh,
                    due_at: Some(due_at),
                    trigger: Trigger::Schedule,
                };
                other.tick_state("emea", Job::Refresh).await.unwrap();
                if let Claim::Ours(run) = other.claim(tick, "other").await.unwrap() {
                    other.renew_lease(run.id).await.unwrap();
                    other.finish_run(run.id, RunOutcome::Succeeded, None).await.unwrap();
                }
            }
        }));
        let (ended, again, _) = tokio::join!(rig.lab.sync(&cycles), rig.lab.sync(&cycles), looks);
        for run in [ended, again] {
            assert_eq!(run.run.outcome, RunOutcome::Succeeded, "{:#?}", run.polls);
        }
        check::tells(&pool, &rig.story, &format!("round {round}")).await;
    }

    let lab = &rig.lab;
    sqlx::query("update lmp_billing.reports set end_date = '2001-01-31', start_date = '2001-01-01', cycle = '2001-01-01'")
        .execute(&pool)
        .await
        .unwrap();
    let pruning = Pruning {
        store: &lab.store,
        clock: &SystemClock,
        retention: lab.rules.retention,
        timezone: lab.rules.timezone,
        max_fraction: 1.0,
        force: true,
        max_batch: 10,
        patience: &[],
    };
    let pruned = pruning.run(Trigger::Cli, "test", &CancellationToken::new()).await.unwrap();
    assert_eq!(pruned.outcome, RunOutcome::Succeeded);
    let left: i64 =
        sqlx::query_scalar("select count(*) from lmp_billing.report_history").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0);
    for store in others.iter().chain([&lab.store]) {
        store.close().await;
    }
    pool.close().await;
    drop(pooler);
    server.stop().await;
}
