//! One round: a new database, the floor, then what the product does to it, each step checked.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::bare;
use crate::database::{Database, Server, Work};
use crate::measured::Cost;
use crate::product::Product;
use crate::upstream::Upstream;
use crate::world::World;

/// The steps, in their order.
pub(crate) const STEPS: [&str; 4] = ["first", "unchanged", "refresh", "changed"];

/// What may be written to the log while nothing changes.
const MAX_UNCHANGED_WAL: i64 = 100 << 10;

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
    /// The same rows into a table like the product's, month by month, and nothing else.
    pub(crate) bare_seconds: f64,
    /// What cannot be left out of the steps in which nothing has changed, in their order.
    pub(crate) bare_unchanged: [Cost; 2],
    pub(crate) steps: Vec<Step>,
}

/// Runs every step for one world.
pub(crate) async fn round(server: &Server, upstream: &Upstream, world: &World, name: &str) -> Result<Round> {
    let mut database = server.database(name).await?;
    let floor_seconds = database.copy("floor", world.copy_text(false)).await?;
    let product = Product::new(&database, upstream)?;
    product.run(&["migrate"])?;
    let bare_seconds = database.copy_months(world.copy_text_by_cycle()).await?;
    let size = i64::try_from(world.len())?;
    let mut steps = Vec::new();

    upstream.serve(world, false);
    steps.push(step(&mut database, STEPS[0], || product.run(&["sync"])).await?);
    database.require_same("floor").await?;
    ensure!(
        last(&steps).work.tuples_written == size,
        "every report is written once: {:?}",
        last(&steps).work
    );

    for name in &STEPS[1..=2] {
        let run = || if *name == "refresh" { product.refresh() } else { product.run(&["sync"]) };
        steps.push(step(&mut database, name, run).await?);
        ensure!(
            last(&steps).work.tuples_written == 0,
            "an unchanged report was written: {:?}",
            last(&steps).work
        );
        ensure!(
            last(&steps).work.wal_bytes <= MAX_UNCHANGED_WAL,
            "nothing changed, and that was written down at length: {:?}",
            last(&steps).work
        );
    }

    database.execute(bare::LOG).await?;
    let bare_unchanged = [product.bare(STEPS[1])?, product.bare(STEPS[2])?];
    database.execute("drop table bare_log").await?;

    upstream.serve(world, true);
    let changed = i64::try_from(world.changed())?;
    steps.push(step(&mut database, STEPS[3], || product.run(&["sync"])).await?);
    ensure!(
        last(&steps).work.tuples_written == 2 * changed,
        "each change writes the report and its old version: {:?}",
        last(&steps).work
    );
    database.copy("floor_changed", world.copy_text(true)).await?;
    database.require_same("floor_changed").await?;
    let told = database.number("select count(*) from lmp_billing.status_changes").await?;
    ensure!(told == changed, "{changed} statuses moved, and {told} changes are told");
    database.drop().await?;
    Ok(Round { floor_seconds, bare_seconds, bare_unchanged, steps })
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
