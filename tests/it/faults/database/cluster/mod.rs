//! A real cluster: three nodes with Patroni, etcd and PostgreSQL, each in a network namespace of its own, and
//! `HAProxy` before them. Daemons work through it while its primary is killed, cut off and switched over.
//!
//! Too heavy for every run of the tests, and it needs root: `make cluster-trial`. The logs of all are in
//! `target/tmp/cluster`.
//!
//! | environment | |
//! |---|---|
//! | `CLUSTER_ROUNDS` | how often a primary is lost (20) |
//! | `CLUSTER_COMMITS` | `synchronous` (default): nothing that was acknowledged may be missing; `asynchronous`: what is missing is counted |
//! | `FAULT_SEED` | repeats the choices of an earlier run |

mod haproxy;
mod ledger;
mod members;
mod network;
mod node;
mod strike;
mod trial;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use sqlx::postgres::PgPool;
use tempfile::TempDir;

use super::server::pool;
use crate::support::dir::data_dir;
use crate::support::wait::until_async;
use haproxy::HaProxy;
use network::Network;
use node::{NODES, Node};

/// The superuser's password, and everybody's: nothing outside this machine's namespaces gets there.
const PASSWORD: &str = "only-for-this-trial";

/// Whether a commit waits for a standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Commits {
    Synchronous,
    Asynchronous,
}

/// Three nodes and the way to them.
struct Cluster {
    commits: Commits,
    proxy: HaProxy,
    nodes: Vec<Node>,
    /// After the nodes: whatever is left of them ends with it.
    _network: Network,
    _folder: TempDir,
}

impl Cluster {
    async fn start(commits: Commits) -> Self {
        let network = Network::new();
        let folder = data_dir();
        let nodes: Vec<Node> = (1..=NODES).map(|number| Node::new(number, folder.path(), commits)).collect();
        let cluster =
            Self { commits, proxy: HaProxy::start(folder.path()), nodes, _network: network, _folder: folder };
        cluster.healthy("at the beginning").await;
        let admin = pool(&cluster.url("postgres", "postgres")).await;
        for statement in [
            "create role lmp_sync login password 'only-for-this-trial'",
            "create database finance owner lmp_sync",
        ] {
            sqlx::query(statement).execute(&admin).await.expect(statement);
        }
        admin.close().await;
        cluster
    }

    /// Through the proxy to whoever is primary.
    fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}:{PASSWORD}@127.0.0.1:{}/{database}?sslmode=disable", self.proxy.primary)
    }

    /// The way that the daemons take.
    fn daemons_url(&self) -> String {
        self.url("lmp_sync", "finance")
    }

    /// Connections to the primary, once the proxy leads to it.
    async fn primary(&self) -> PgPool {
        let mut found = None;
        let writable = async || {
            let Ok(pool) = PgPool::connect(&self.daemons_url()).await else { return false };
            let primary = sqlx::query_scalar("select not pg_is_in_recovery()").fetch_one(&pool).await;
            found = primary.is_ok_and(|primary: bool| primary).then_some(pool);
            found.is_some()
        };
        until_async("the proxy leads to the primary", writable).await;
        found.expect("just found")
    }

    /// Through the proxy to one of the standbys.
    fn standbys_url(&self) -> String {
        let port = self.proxy.standbys;
        format!("postgres://lmp_sync:{PASSWORD}@127.0.0.1:{port}/finance?sslmode=disable")
    }

    /// The node that is primary, once all are well: asked of each node itself and of PostgreSQL, because what
    /// Patroni says of others may be old.
    async fn healthy(&self, what: &str) -> usize {
        let mut found = None;
        until_async(&format!("{what}: three nodes follow one primary"), async || {
            found = self.healthy_primary().await;
            found.is_some()
        })
        .await;
        found.expect("just found")
    }

    async fn healthy_primary(&self) -> Option<usize> {
        let mut primary = None;
        for (at, node) in self.nodes.iter().enumerate() {
            if node.is("/primary").await {
                if primary.replace(at).is_some() {
                    return None;
                }
            } else if !node.is("/replica").await {
                return None;
            }
        }
        let node = &self.nodes[primary?];
        let (streaming, waited_for) = node.standbys().await?;
        let waits = self.commits == Commits::Asynchronous
            || waited_for > 0 && node.members().await?.candidate(self.commits).is_some();
        (streaming + 1 == i64::try_from(NODES).ok()? && waits).then_some(primary?)
    }

    async fn has_another_primary(&self, than: usize) -> bool {
        for (_, node) in self.nodes.iter().enumerate().filter(|(at, _)| *at != than) {
            if node.is("/primary").await {
                return true;
            }
        }
        false
    }

    /// Waits until another node than this one has taken over.
    async fn taken_over_from(&self, old: usize, what: &str) {
        let taken = async || self.has_another_primary(old).await;
        until_async(&format!("{what}: another node takes over"), taken).await;
    }
}

/// Where everybody's log is, also when the trial has failed.
fn log(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster");
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder.join(format!("{name}.log"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it has an address").port()
}
