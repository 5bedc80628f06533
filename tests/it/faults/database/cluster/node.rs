//! One node: etcd, Patroni and, started by it, PostgreSQL.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::members::Members;
use super::network::{iptables, kill, processes_in};
use super::{Commits, PASSWORD, log};
use crate::faults::database::server::postgres_program;

pub(super) const NODES: usize = 3;

/// Patroni's own port.
const PATRONI: u16 = 8008;

/// A node that is cut off answers nothing.
const PATIENCE: Duration = Duration::from_secs(3);

/// PostgreSQL refuses to run as root; this user comes with its package.
const USER: &str = "postgres";

pub(super) fn namespace(number: usize) -> String {
    format!("lmpc-node{number}")
}

pub(super) fn address(number: usize) -> String {
    format!("10.213.77.{number}")
}

pub(super) struct Node {
    number: usize,
    folder: PathBuf,
    etcd: Child,
    patroni: Option<Child>,
}

impl Node {
    pub(super) fn new(number: usize, folder: &Path, commits: Commits) -> Self {
        let folder = folder.join(format!("node{number}"));
        fs::create_dir(&folder).expect("a folder can be made");
        fs::write(folder.join("patroni.yml"), patroni_yml(number, &folder, commits))
            .expect("it can be written");
        for name in ["etcd", "patroni"] {
            File::create(log(&format!("n{number}-{name}"))).expect("a log can be begun");
        }
        let owned = Command::new("chown").args(["-R", USER]).arg(&folder).status();
        assert!(owned.expect("chown runs").success(), "the user {USER} comes with PostgreSQL's package");
        let peers: Vec<String> =
            (1..=NODES).map(|peer| format!("n{peer}=http://{}:2380", address(peer))).collect();
        let (clients, own) =
            (format!("http://{}:2379", address(number)), format!("http://{}:2380", address(number)));
        let etcd = run_in(
            number,
            &folder,
            "etcd",
            &[
                "etcd",
                "--name",
                &format!("n{number}"),
                "--data-dir",
                folder.join("etcd").to_str().expect("text"),
                "--listen-client-urls",
                &format!("{clients},http://127.0.0.1:2379"),
                "--advertise-client-urls",
                &clients,
                "--listen-peer-urls",
                &own,
                "--initial-advertise-peer-urls",
                &own,
                "--initial-cluster",
                &peers.join(","),
                "--initial-cluster-state",
                "new",
                // Patroni 3.0.2 writes its lock through the third version of the interface without looking whose it is: a
                // primary that comes back from being cut off takes it from its successor.
                "--enable-v2",
                // Other builds keep the disk busy.
                "--heartbeat-interval",
                "200",
                "--election-timeout",
                "2000",
                "--unsafe-no-fsync",
            ],
        );
        let mut node = Self { number, folder, etcd, patroni: None };
        node.start_patroni();
        node
    }

    pub(super) fn name(&self) -> String {
        format!("n{}", self.number)
    }

    pub(super) fn start_patroni(&mut self) {
        let file = self.folder.join("patroni.yml");
        self.patroni =
            Some(run_in(self.number, &self.folder, "patroni", &["patroni", file.to_str().expect("text")]));
    }

    /// Ends PostgreSQL and Patroni as a power failure does, but for the disk and for etcd.
    pub(super) fn kill(&mut self) {
        // Patroni first, which would start PostgreSQL anew; and again, for what was just being started.
        loop {
            let mut those = processes_in(self.number);
            those.retain(|(pid, _)| u32::try_from(*pid) != Ok(self.etcd.id()));
            if those.is_empty() {
                break;
            }
            those.sort_by_key(|(_, name)| name.starts_with("postgres"));
            for (pid, _) in those {
                kill(pid);
            }
            if let Some(patroni) = &mut self.patroni {
                let _ = patroni.try_wait();
            }
        }
        if let Some(mut patroni) = self.patroni.take() {
            patroni.wait().expect("it has been killed");
        }
    }

    /// No packet gets in or out, and none is refused: nobody is told.
    pub(super) fn cut_off(&self) {
        iptables(self.number, &["-A", "INPUT", "-i", "eth0", "-j", "DROP"]);
        iptables(self.number, &["-A", "OUTPUT", "-o", "eth0", "-j", "DROP"]);
    }

    /// The other nodes are out of reach; the daemons are not.
    pub(super) fn cut_off_from_peers(&self) {
        for peer in (1..=NODES).filter(|peer| *peer != self.number) {
            iptables(self.number, &["-A", "INPUT", "-s", &address(peer), "-j", "DROP"]);
            iptables(self.number, &["-A", "OUTPUT", "-d", &address(peer), "-j", "DROP"]);
        }
    }

    pub(super) fn joined_again(&self) {
        iptables(self.number, &["-F"]);
    }

    /// What it says of all nodes.
    pub(super) async fn members(&self) -> Option<Members> {
        let (_, answer) = self.ask("GET", "/cluster", "").await?;
        serde_json::from_str::<Value>(&answer).ok().map(Members)
    }

    /// Whether it is what the proxy looks for: `/primary` or `/replica`.
    pub(super) async fn is(&self, what: &str) -> bool {
        self.ask("GET", what, "").await.is_some_and(|(status, _)| status == 200)
    }

    /// How many standbys its PostgreSQL streams to, and for how many of them commits wait.
    pub(super) async fn standbys(&self) -> Option<(i64, i64)> {
        let url =
            format!("postgres://postgres:{PASSWORD}@{}:5432/postgres?sslmode=disable", address(self.number));
        let asked = async {
            let mut connection = PgConnection::connect(&url).await.ok()?;
            let counted = sqlx::query_as(
                "select count(*) filter (where state = 'streaming'), count(*) filter (where sync_state = 'sync')
                 from pg_stat_replication",
            );
            counted.fetch_one(&mut connection).await.ok()
        };
        timeout(PATIENCE, asked).await.ok().flatten()
    }

    /// A switchover by plan, as `patronictl switchover --candidate` asks for it; whether it came about.
    pub(super) async fn switches_over_to(&self, candidate: &str) -> bool {
        let wanted = format!(r#"{{"leader":"{}","candidate":"{candidate}"}}"#, self.name());
        self.ask("POST", "/switchover", &wanted).await.is_some_and(|(status, _)| status == 200)
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        // A switchover is answered when it is over.
        let patience = if method == "GET" { PATIENCE } else { PATIENCE * 20 };
        let asked = async {
            let mut stream = TcpStream::connect((address(self.number), PATRONI)).await.ok()?;
            let length = body.len();
            let request = format!(
                "{method} {path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.ok()?;
            let (head, body) = answer.split_once("\r\n\r\n")?;
            let status = head.split(' ').nth(1)?.parse().ok()?;
            Some((status, body.to_owned()))
        };
        timeout(patience, asked).await.ok().flatten()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        let _ = self.etcd.kill();
        let _ = self.etcd.wait();
    }
}

/// Starts a program in a node's namespace as an ordinary user. It ends with the test, however that ends.
fn run_in(number: usize, folder: &Path, name: &str, program: &[&str]) -> Child {
    let log = File::options().create(true).append(true).open(log(&format!("n{number}-{name}")));
    let log = log.expect("a log can be written");
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &namespace(number), "setpriv", "--reuid", USER, "--regid", USER]);
    command.args(["--clear-groups", "--pdeathsig", "KILL"]).args(program).env("HOME", folder);
    command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone().expect("it can")).stderr(log);
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn patroni_yml(number: usize, folder: &Path, commits: Commits) -> String {
    let (own, synchronous) = (address(number), commits == Commits::Synchronous);
    let programs = postgres_program("postgres");
    let programs = programs.parent().expect("it lies in a folder").display();
    let (folder, peers) = (folder.display(), (1..=NODES).map(|peer| format!("{}:2379", address(peer))));
    let peers = peers.collect::<Vec<_>>().join(",");
    format!(
        r"scope: lmp
name: n{number}
restapi:
  listen: {own}:{PATRONI}
  connect_address: {own}:{PATRONI}
etcd:
  hosts: {peers}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 4
    retry_timeout: 5
    maximum_lag_on_failover: 1048576
    synchronous_mode: {synchronous}
    primary_stop_timeout: 10
    postgresql:
      use_pg_rewind: true
      parameters:
        max_connections: 100
        wal_keep_size: 256MB
        wal_log_hints: 'on'
  initdb:
  - encoding: UTF8
  - data-checksums
postgresql:
  listen: {own},127.0.0.1:5432
  connect_address: {own}:5432
  data_dir: {folder}/data
  bin_dir: {programs}
  pgpass: {folder}/pgpass
  authentication:
    superuser: {{username: postgres, password: {PASSWORD}}}
    replication: {{username: replicator, password: {PASSWORD}}}
  pg_hba:
  - host all all 0.0.0.0/0 scram-sha-256
  - host replication replicator 0.0.0.0/0 scram-sha-256
  parameters:
    unix_socket_directories: ''
    shared_buffers: 32MB
"
    )
}
