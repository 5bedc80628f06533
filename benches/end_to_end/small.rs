//! What is small must stay small: a round over two months of a small database, and a daemon with nothing
//! to do.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::database::{Database, Server};
use crate::measured::Cost;
use crate::product::Product;
use crate::upstream::Upstream;
use crate::world::World;

/// The server counts what an idle connection has done before up to ten seconds late.
const COUNTED: Duration = Duration::from_secs(15);

/// How long the idle daemon is watched.
const WATCHED: Duration = Duration::from_secs(40);

/// What the small things took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Small {
    pub(crate) stored: usize,
    pub(crate) asked: usize,
    pub(crate) rounds: Vec<Cost>,
    pub(crate) idle_kib: u64,
    pub(crate) idle_seconds: f64,
    /// Transactions of the daemon while it had nothing to do.
    pub(crate) idle_transactions: i64,
}

pub(crate) async fn small(
    server: &Server,
    upstream: &Upstream,
    world: &World,
    rounds: usize,
) -> Result<Small> {
    let mut database = server.database("bench_small").await?;
    let product = Product::new(&database, upstream)?;
    upstream.serve(world, false);
    product.run(&["sync"])?;
    let cycles: Vec<String> =
        world.cycles()[..2].iter().map(|cycle| cycle.format("%Y-%m").to_string()).collect();
    let arguments = ["sync", "--cycle", &cycles[0], "--cycle", &cycles[1]];
    let costs = (0..rounds).map(|_| product.run(&arguments)).collect::<Result<Vec<_>>>()?;
    let asked = database
        .number("select sum(reports_seen) from lmp_billing.cycle_polls where run_id = (select max(id) from lmp_billing.sync_runs)")
        .await?;

    let listen = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
    product.configure(&format!("[http]\nlisten = \"{listen}\"\n"))?;
    let mut daemon = Daemon(
        Command::new(product.program())
            .arg("run")
            .current_dir(product.dir())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?,
    );
    ready(&listen).await?;
    tokio::time::sleep(COUNTED).await;
    let (before, began) = (transactions(server, &database).await?, Instant::now());
    tokio::time::sleep(WATCHED).await;
    let idle_transactions = transactions(server, &database).await? - before;
    let idle_seconds = began.elapsed().as_secs_f64();
    ensure!(daemon.0.try_wait()?.is_none(), "the daemon has ended");
    let idle_kib = resident(daemon.0.id())?;
    drop(daemon);
    database.work().await?;
    database.drop().await?;
    Ok(Small {
        stored: world.len(),
        asked: usize::try_from(asked)?,
        rounds: costs,
        idle_kib,
        idle_seconds,
        idle_transactions,
    })
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself, which has been told then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ready(listen: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Ok(mut stream) = TcpStream::connect(listen).await {
            stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            if answer.starts_with(b"HTTP/1.1 200") {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the daemon does not get ready")
}

/// Transactions in the database, asked from another one.
async fn transactions(server: &Server, database: &Database) -> Result<i64> {
    server.transactions(database.name()).await
}

fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
