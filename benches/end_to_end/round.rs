//! One round: a new database, the floor, then what the product does to it, each step checked.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tempfile::TempDir;

use crate::database::{Database, Server, Work};
use crate::measured::{self, Cost};
use crate::refresh;
use crate::upstream::{SECRET_KEY, Upstream};
use crate::world::World;

/// A step and what it took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) cost: Cost,
    pub(crate) work: Work,
}

/// What a round came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    /// One raw `COPY` of the same rows.
    pub(crate) floor_seconds: f64,
    pub(crate) steps: Vec<Step>,
}

/// The product, set up for one database and one upstream.
pub(crate) struct Product {
    program: PathBuf,
    dir: TempDir,
}

impl Product {
    pub(crate) fn new(database: &Database, upstream: &Upstream) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("lmp-bench-").tempdir()?;
        let settings = format!(
            "[database]\nurl = {:?}\n\n[[accounts]]\nname = \"bench\"\nbase_url = {:?}\naccess_token = {:?}\n\
             secret_key = {SECRET_KEY:?}\nrequests_per_second = 1000.0\n\n[http]\nlisten = \"127.0.0.1:0\"\n",
            database.url.expose_secret(),
            upstream.url(),
            uuid::Uuid::from_u128(7).to_string(),
        );
        std::fs::write(dir.path().join("config.toml"), settings)?;
        Ok(Self { program: env!("CARGO_BIN_EXE_lmp-billing-sync").into(), dir })
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Cost> {
        Ok(measured::run(&self.program, arguments, self.dir.path())?.0)
    }

    /// Runs the daemon's `refresh` once, which no command does.
    fn refresh(&self) -> Result<Cost> {
        Ok(measured::run(&std::env::current_exe()?, &[refresh::ARGUMENT], self.dir.path())?.0)
    }
}

/// Runs every step for one world.
pub(crate) async fn round(server: &Server, upstream: &Upstream, world: &World, name: &str) -> Result<Round> {
    let mut database = server.database(name).await?;
    let floor_seconds = database.copy("floor", world.copy_text(false)).await?;
    let product = Product::new(&database, upstream)?;
    product.run(&["migrate"])?;
    let size = i64::try_from(world.len())?;
    let mut steps = Vec::new();

    upstream.serve(world, false);
    steps.push(step(&mut database, "first", || product.run(&["sync"])).await?);
    database.require_same("floor").await?;
    ensure!(
        last(&steps).work.tuples_written == size,
        "every report is written once: {:?}",
        last(&steps).work
    );

    for (name, sync) in [("unchanged", true), ("refresh", false)] {
        let run = || if sync { product.run(&["sync"]) } else { product.refresh() };
        steps.push(step(&mut database, name, run).await?);
        ensure!(
            last(&steps).work.tuples_written == 0,
            "an unchanged report was written: {:?}",
            last(&steps).work
        );
        ensure!(
            last(&steps).work.wal_bytes <= 1000 << 10,
            "nothing changed, and that was written down at length: {:?}",
            last(&steps).work
        );
    }

    upstream.serve(world, true);
    let changed = i64::try_from(world.changed())?;
    steps.push(step(&mut database, "changed", || product.run(&["sync"])).await?);
    ensure!(
        last(&steps).work.tuples_written == 2 * changed,
        "each change writes the report and its old version: {:?}",
        last(&steps).work
    );
    database.copy("floor_changed", world.copy_text(true)).await?;
    database.require_same("floor_changed").await?;
    let changes = database.number("select count(*) from lmp_billing.status_changes").await?;
    ensure!(changes == changed, "{changed} statuses moved, and {changes} changes are told");
    database.drop().await?;
    Ok(Round { floor_seconds, steps })
}

async fn step(
    database: &mut Database,
    name: &'static str,
    run: impl FnOnce() -> Result<Cost>,
) -> Result<Step> {
    database.execute("checkpoint").await?;
    let before = database.work().await?;
    let cost = run()?;
    let work = database.work().await? - before;
    Ok(Step { name, cost, work })
}

fn last(steps: &[Step]) -> &Step {
    steps.last().expect("a step was pushed")
}
