//! The whole way, from the upstream's answer to rows in PostgreSQL, against what PostgreSQL itself needs
//! for the same rows: one raw `COPY` into a table with a uuid key (F), in the same round on the same server.
//!
//! ```text
//! make bench                                     every size, three rounds: docs/PERFORMANCE.md
//! cargo bench --bench end_to_end -- --help       what can be chosen
//! cargo bench --bench end_to_end -- --smoke      small; checks correctness and growth, never the clock
//! ```
//!
//! The program runs as a process of its own, with its built-in settings; every step is checked in the
//! database. The results are printed, and written beside a plot to `target/bench`.

mod bare;
mod database;
mod growth;
mod measured;
mod plot;
mod processor;
mod product;
mod prune;
mod refresh;
mod report;
mod round;
mod small;
mod upstream;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use chrono::NaiveDate;
use clap::Parser;

use database::Server;
use lmp_billing_sync::clock::{Clock as _, SystemClock};
use report::{Results, Size, markdown};
use round::round;
use upstream::Upstream;
use world::{Spread, World};

/// Two sizes far enough apart that what grows too fast is seen.
const SMOKE_SIZES: [usize; 2] = [2_400, 19_200];

/// Measures the program from end to end.
#[derive(Debug, Parser)]
struct Arguments {
    /// Reports stored, in 24 months together
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 30_000, 100_000, 300_000, 1_000_000])]
    sizes: Vec<usize>,

    /// Rounds of each size, whose medians are told
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// Reports in one month, for the memory that takes; 0 leaves it out
    #[arg(long, default_value_t = 1_000_000)]
    one_month: usize,

    /// Reports stored where one month of them is pruned; 0 leaves it out
    #[arg(long, default_value_t = 1_000_000)]
    prune: usize,

    /// Leaves out the one-shot round and the idle daemon
    #[arg(long)]
    no_small: bool,

    /// Small sizes, once; checks correctness and growth and tells no figures
    #[arg(long)]
    smoke: bool,

    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(measured::HELPER) => measured::helper(arguments),
        Some(refresh::ARGUMENT) => refresh::main(),
        Some(bare::ARGUMENT) => bare::main(&arguments.next().unwrap_or_default()),
        _ => {
            // The steps block the thread they are on, and what looks on meanwhile needs another.
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(measure(Arguments::parse()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn measure(arguments: Arguments) -> Result<()> {
    let bench = Bench {
        server: Server::start().await?,
        upstream: Upstream::start()?,
        today: SystemClock.now().date_naive(),
    };
    let done = if arguments.smoke { bench.smoke().await } else { bench.all(&arguments).await };
    bench.server.stop().await;
    done
}

struct Bench {
    server: Server,
    upstream: Upstream,
    today: NaiveDate,
}

impl Bench {
    async fn smoke(&self) -> Result<()> {
        let [small, large] = SMOKE_SIZES;
        for spread in [Spread::Months, Spread::OneCycle] {
            growth::check(&self.size(small, spread, 1).await?, &self.size(large, spread, 1).await?)?;
        }
        println!("correct, and of even growth: {small} and {large} reports");
        Ok(())
    }

    async fn all(&self, arguments: &Arguments) -> Result<()> {
        let mut results =
            Results { machine: machine(), database: self.server.describe().await?, ..Results::default() };
        for &reports in &arguments.sizes {
            results.sizes.push(self.size(reports, Spread::Months, arguments.rounds).await?);
        }
        if arguments.one_month > 0 {
            results.sizes.push(self.size(arguments.one_month, Spread::OneCycle, arguments.rounds).await?);
        }
        if !arguments.no_small {
            let world = World::new(2_400, Spread::Months, self.today);
            results.small = Some(small::small(&self.server, &self.upstream, &world, 9).await?);
        }
        if arguments.prune > 0 {
            let world = World::new(arguments.prune, Spread::Months, self.today);
            results.pruned = Some(prune::prune(&self.server, &self.upstream, &world, self.today).await?);
        }
        let folder = folder()?;
        std::fs::write(folder.join("results.json"), serde_json::to_vec_pretty(&results)?)?;
        std::fs::write(folder.join("results.md"), markdown(&results))?;
        plot::draw(&results.sizes, &folder.join("cost.svg"))?;
        println!("\n{}\nwritten to {}", markdown(&results), folder.display());
        Ok(())
    }

    async fn size(&self, reports: usize, spread: Spread, rounds: usize) -> Result<Size> {
        let world = World::new(reports, spread, self.today);
        let answer_bytes = self.upstream.serve(&world, false);
        let mut size =
            Size { reports, one_cycle: spread == Spread::OneCycle, answer_bytes, rounds: Vec::new() };
        for number in 0..rounds {
            eprintln!("{reports} reports {spread:?}, round {} of {rounds}", number + 1);
            size.rounds.push(round(&self.server, &self.upstream, &world, "bench_round").await?);
        }
        Ok(size)
    }
}

fn folder() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The processors and the memory.
fn machine() -> String {
    let text = |file| std::fs::read_to_string(file).unwrap_or_default();
    let after = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let kib: u64 = after(&text("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    format!("{processors} × {}, {} GiB", after(&text("/proc/cpuinfo"), "model name"), (kib + (1 << 19)) >> 20)
}
