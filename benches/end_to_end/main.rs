//! The whole way, from the upstream's answer to rows in PostgreSQL, against what PostgreSQL itself needs
//! for the same rows.
//!
//! ```text
//! cargo bench --bench end_to_end                    every size, three rounds: docs/PERFORMANCE.md
//! cargo bench --bench end_to_end -- --smoke         small; checks correctness and growth, never the clock
//! ```

mod database;
mod measured;
mod refresh;
mod round;
mod upstream;
mod world;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use database::Server;
use round::{Round, round};
use upstream::Upstream;
use world::{Spread, World};

#[derive(Debug, Parser)]
struct Arguments {
    /// Reports stored, in all cycles together
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    sizes: Vec<usize>,
    /// Rounds of each size; medians are told
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// All reports in one cycle
    #[arg(long)]
    one_cycle: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(measured::HELPER) => measured::helper(arguments),
        Some(refresh::ARGUMENT) => refresh::main(),
        _ => {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            runtime.block_on(compare(Arguments::parse()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn compare(arguments: Arguments) -> Result<()> {
    let server = Server::start().await?;
    println!("{}", server.describe().await?);
    let upstream = Upstream::start()?;
    for &size in &arguments.sizes {
        let spread = if arguments.one_cycle { Spread::OneCycle } else { Spread::Months };
        let world = World::new(size, spread, chrono::Utc::now().date_naive());
        for number in 0..arguments.rounds {
            let done = round(&server, &upstream, &world, &format!("bench_{size}_{number}")).await?;
            say(size, &done);
        }
    }
    server.stop().await;
    Ok(())
}

fn say(size: usize, round: &Round) {
    println!("{size}: floor {:.3} s", round.floor_seconds);
    for step in &round.steps {
        println!(
            "  {:10} {:.3} s = {:.2} F; cpu {:.3} s; peak {:.1} MiB; wal {} KiB; written {}; read {}",
            step.name,
            step.cost.wall_seconds,
            step.cost.wall_seconds / round.floor_seconds,
            step.cost.cpu_seconds,
            step.cost.peak_kib as f64 / 1024.0,
            step.work.wal_bytes / 1024,
            step.work.tuples_written,
            step.work.tuples_read,
        );
    }
}
