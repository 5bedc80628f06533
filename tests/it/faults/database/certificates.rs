//! A PostgreSQL whose certificates one should not trust, that speaks no TLS, and a way to it that denies it.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection as _, Executor as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::server::OwnServer;
use crate::cli::lab::{CommandLab, months_ago, report};
use crate::cli::process::Call;
use crate::daemon::{NEVER, settings};
use crate::support::authority::{Authority, Flaw, Shown};
use crate::support::wait::until_async;

/// Leads to this machine, but does not say so, as a host's name does not.
const ELSEWHERE: &str = "0.0.0.0";

/// A server that counts who has logged in, an authority that may vouch for it, and somebody with reports for it.
struct Rig {
    lab: CommandLab,
    server: OwnServer,
    pool: PgPool,
    authority: Authority,
    authority_file: PathBuf,
}

impl Rig {
    async fn new() -> Self {
        let server = OwnServer::quick().await;
        let pool = server.migrated().await;
        pool.execute("alter system set log_connections = on").await.unwrap();
        let (lab, authority) = (CommandLab::new().await, Authority::new());
        let authority_file = lab.folder().join("authority.pem");
        fs::write(&authority_file, authority.pem()).unwrap();
        let cycle = months_ago(1);
        lab.serve(cycle, vec![report(1, "Acme", cycle, "Approved"), report(2, "Bolt", cycle, "Completed")]);
        Self { lab, server, pool, authority, authority_file }
    }

    /// Speaks TLS with this certificate from now on, or not at all.
    async fn shows(&self, shown: Option<&Shown>) {
        if let Some(shown) = shown {
            shown.give_to_postgres(&self.server.data());
        }
        let ssl = if shown.is_some() { "on" } else { "off" };
        let set = sqlx::AssertSqlSafe(format!("alter system set ssl = {ssl}"));
        self.pool.execute(set).await.unwrap();
        let before: String =
            sqlx::query_scalar("select clock_timestamp()::text").fetch_one(&self.pool).await.unwrap();
        self.pool.execute("select pg_reload_conf()").await.unwrap();
        // A new connection has been let in by a postmaster that had loaded the certificate.
        let url = self.server.url();
        until_async("the server has read its settings anew", async || {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let loaded = sqlx::query_scalar("select pg_conf_load_time() > $1::timestamptz").bind(&before);
            let loaded: bool = loaded.fetch_one(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            loaded
        })
        .await;
    }

    fn url(&self, port: u16, query: &str) -> String {
        let mut url = url::Url::parse(&self.server.url()).unwrap();
        url.set_host(Some(ELSEWHERE)).unwrap();
        url.set_port(Some(port)).unwrap();
        url.set_query(Some(query));
        url.into()
    }

    fn verified(&self) -> String {
        format!("sslmode=verify-full&sslrootcert={}", self.authority_file.display())
    }

    fn sync(&self, query: &str) -> Call {
        self.sync_over(self.server.port(), query)
    }

    fn sync_over(&self, port: u16, query: &str) -> Call {
        let cycle = months_ago(1).to_string();
        self.lab.call(&["sync", "--cycle", &cycle]).set("database.url", &self.url(port, query))
    }

    /// How many times somebody has logged in, other than for watching.
    fn logins(&self) -> usize {
        let log = fs::read_to_string(self.server.folder.path().join("postgres/postgres.log")).unwrap();
        log.lines()
            .filter(|line| line.contains("connection authorized") && line.contains("lmp-billing-sync"))
            .count()
    }

    async fn stored(&self) -> i64 {
        sqlx::query_scalar("select count(*) from lmp_billing.reports").fetch_one(&self.pool).await.unwrap()
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_to_be_trusted_is_not_logged_in_to() {
    let rig = Rig::new().await;
    for (flaw, [problem, advice]) in [
        (Flaw::Expired, ["expired", "clock (NTP)"]),
        (Flaw::NotYetValid, ["not valid yet", "clock (NTP)"]),
        (Flaw::OfAnotherHost, ["not valid for name", "the host in database.url"]),
        (Flaw::SelfSigned, ["UnknownIssuer", "sslrootcert"]),
        (Flaw::Forged, ["BadSignature", "sslrootcert"]),
        (Flaw::OfAStranger, ["UnknownIssuer", "sslrootcert"]),
    ] {
        rig.shows(Some(&flaw.show(&rig.authority, ELSEWHERE))).await;
        let logins = rig.logins();
        let ended = rig.sync(&rig.verified()).ends_with(1).await;
        ended.complains(&["cannot reach the database", "certificate is not trusted", problem, advice]);
        assert_eq!((rig.logins(), rig.stored().await), (logins, 0), "{flaw:?}");
    }
    rig.shows(Some(&rig.authority.certify(ELSEWHERE))).await;
    // Nobody in the world vouches for it.
    rig.sync("sslmode=verify-full").ends_with(1).await.complains(&["certificate", "UnknownIssuer"]);
    let logins = rig.logins();
    let ended = rig.sync(&rig.verified()).ends_with(0).await.says(&["2 new"]);
    assert!(!ended.stderr.contains("NOT encrypted"), "{}", ended.stderr);
    assert!(rig.logins() > logins, "logins are seen in the server's log");
    assert_eq!(rig.stored().await, 2);
    rig.server.stop().await;
}

#[tokio::test]
async fn without_tls_on_the_way_to_another_machine_there_is_a_warning_or_where_the_url_asks_for_it_no_way() {
    let rig = Rig::new().await;
    rig.shows(None).await;
    let logins = rig.logins();
    for refusing in ["sslmode=require".to_owned(), "sslmode=verify-ca".to_owned(), rig.verified()] {
        rig.sync(&refusing).ends_with(1).await.complains(&[
            "cannot reach the database",
            "TLS",
            "switch ssl on",
        ]);
        assert_eq!((rig.logins(), rig.stored().await), (logins, 0), "{refusing}");
    }
    for warning in ["sslmode=prefer", "sslmode=disable", ""] {
        rig.sync(warning).ends_with(0).await.complains(&["NOT encrypted", "sslmode=verify-full"]);
    }
    assert_eq!(rig.stored().await, 2);
    // With TLS, there is nothing to warn of; `check` tells that it is not verified.
    rig.shows(Some(&rig.authority.certify(ELSEWHERE))).await;
    for quiet in ["sslmode=prefer", "sslmode=require"] {
        let ended = rig.sync(quiet).ends_with(0).await;
        assert!(!ended.stderr.contains("encrypted"), "{quiet}: {}", ended.stderr);
    }
    rig.server.stop().await;
}

/// Somebody between the two who says that the server speaks no TLS, as the server itself would say it.
struct Downgrade {
    port: u16,
    /// What clients have sent after they had been told.
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Downgrade {
    async fn before(server: u16) -> Self {
        let listener = TcpListener::bind((ELSEWHERE, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(deny_tls(client, server, Arc::clone(&into)));
            }
        });
        Self { port, heard }
    }
}

async fn deny_tls(mut client: TcpStream, server: u16, heard: Arc<Mutex<Vec<u8>>>) -> std::io::Result<()> {
    let mut request = [0; 8];
    client.read_exact(&mut request).await?;
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "SSLRequest comes first");
    client.write_all(b"N").await?;
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    let mut buffer = [0; 4096];
    let read = client.read(&mut buffer).await?;
    heard.lock().unwrap().extend(&buffer[..read]);
    server.write_all(&buffer[..read]).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

#[tokio::test]
async fn who_denies_tls_on_the_way_hears_neither_name_nor_password() {
    let rig = Rig::new().await;
    rig.shows(Some(&rig.authority.certify(ELSEWHERE))).await;
    let between = Downgrade::before(rig.server.port()).await;
    for refusing in ["sslmode=require".to_owned(), rig.verified()] {
        rig.sync_over(between.port, &refusing).ends_with(1).await.complains(&[
            "cannot reach the database",
            "TLS",
            "switch ssl on",
        ]);
        assert_eq!(*between.heard.lock().unwrap(), b"", "{refusing}");
    }
    assert_eq!(rig.stored().await, 0);
    // The library's default goes on in the clear: that is what the warning is for.
    let warned = rig.sync_over(between.port, "sslmode=prefer").ends_with(0).await;
    warned.complains(&["NOT encrypted", "sslmode=prefer"]);
    assert!(!between.heard.lock().unwrap().is_empty(), "whoever stands between hears what is sent");
    rig.server.stop().await;
}

#[tokio::test]
async fn a_daemon_outlives_a_certificate_that_ran_out_and_goes_on_when_it_is_renewed() {
    let rig = Rig::new().await;
    rig.shows(Some(&rig.authority.certify(ELSEWHERE))).await;
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '*/2 * * * * *'");
    rig.lab.write_settings(&settings(&rig.lab, &["emea"], &schedule));
    let url = rig.url(rig.server.port(), &rig.verified());
    let mut daemon = rig.lab.call(&["run"]).set("database.url", &url).start();
    let runs = "select count(*) from lmp_billing.sync_runs where job = 'refresh' and outcome = 'succeeded'";
    until_async("it refreshes", async || {
        sqlx::query_scalar::<_, i64>(runs).fetch_one(&rig.pool).await.unwrap() > 0
    })
    .await;

    rig.shows(Some(&Flaw::Expired.show(&rig.authority, ELSEWHERE))).await;
    let hang_up =
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lmp-billing-sync'";
    rig.pool.execute(hang_up).await.unwrap();
    daemon.stderr.until("expired").await;
    let before: i64 = sqlx::query_scalar(runs).fetch_one(&rig.pool).await.unwrap();
    rig.shows(Some(&rig.authority.certify(ELSEWHERE))).await;
    until_async("it refreshes again", async || {
        sqlx::query_scalar::<_, i64>(runs).fetch_one(&rig.pool).await.unwrap() > before
    })
    .await;
    daemon.stops().await;
    rig.server.stop().await;
}
