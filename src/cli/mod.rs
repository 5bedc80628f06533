//! The commands: what a person or a script types, and what they get back.
//!
//! Only here, in the daemon and in `setup` are the settings read. Results go to stdout, logs to stderr. One
//! file per command.

mod check;
mod demo;
mod error;
mod export;
mod history;
mod log_thread;
mod logging;
mod migrate;
mod output;
mod prune;
mod ready;
mod record;
mod run;
mod signals;
mod simulate;
mod status;
mod sync;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Settings;
pub use error::CliError;

const CONFIG_HELP: &str = "Settings file [default: $LMP_BILLING_SYNC_CONFIG, else ./config.toml, else \
                           /etc/lmp-billing-sync/config.toml]";

/// Keep Trend Micro LMP billing reports, and how their status moved, in your own PostgreSQL
///
/// Asks Trend Micro's Licensing Management Platform for the billing reports of the last two years,
/// notes what has changed since it last asked, and keeps all of it in tables that SQL and BI tools
/// read. New here? `lmp-billing-sync demo` shows it at work, with nothing to set up.
#[derive(Debug, Parser)]
#[command(name = "lmp-billing-sync", version, max_term_width = 100)]
struct Cli {
    // The variable is read with the settings: only there a wrong one is told by its name, and one
    // that is set but empty counts as not set.
    #[arg(long, value_name = "FILE", global = true, help = CONFIG_HELP)]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Sync(sync::SyncArgs),
    Prune(prune::PruneArgs),
    Status(status::StatusArgs),
    History(history::HistoryArgs),
    Export(export::ExportArgs),
    Check(check::CheckArgs),
    Ready(ready::ReadyArgs),
    Migrate(migrate::MigrateArgs),
    Simulate(simulate::SimulateArgs),
    Demo(demo::DemoArgs),
}

/// The commands and their options: what manual pages and shell completions are made from.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program. Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong settings.
pub fn main() -> ExitCode {
    forbid_core_dumps();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("lmp-billing-sync: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(dispatch(cli)).unwrap_or_else(|error| {
        logging::last_word(&error);
        error.exit_code()
    });
    log_thread::flush();
    // A thread that asks a name server or reads a file may be kept waiting by it; the end does not wait for that.
    runtime.shutdown_background();
    code
}

/// One would hold every secret in the clear. Whoever wants one may raise the limit again (`prlimit`).
fn forbid_core_dumps() {
    let maximum = getrlimit(Resource::Core).maximum;
    // Where it may not, they stay as they were.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}

async fn dispatch(cli: Cli) -> Result<ExitCode, CliError> {
    let load = || Settings::load(cli.config.as_deref());
    let begin = || {
        let settings = load()?;
        logging::init(&settings.log)?;
        Ok::<_, CliError>(settings)
    };
    match cli.command {
        // These two bring their own world and read no settings.
        Command::Simulate(args) => {
            logging::init_default()?;
            simulate::simulate(args).await
        }
        Command::Demo(args) => {
            logging::init_quiet()?;
            Box::pin(demo::demo(args)).await
        }
        Command::Run(_) => {
            let settings = load()?;
            logging::init_daemon(&settings.log)?;
            Box::pin(run::run(settings, cli.config)).await
        }
        Command::Ready(_) => {
            let settings = Settings::load_without_secrets(cli.config.as_deref())?;
            logging::init(&settings.log)?;
            ready::ready(&settings).await
        }
        Command::Sync(args) => sync::sync(args, &begin()?).await,
        Command::Prune(args) => prune::prune(args, &begin()?).await,
        Command::Status(args) => status::status(args, &begin()?).await,
        Command::History(args) => history::history(args, &begin()?).await,
        Command::Export(args) => export::export(args, &begin()?).await,
        Command::Check(args) => check::check(args, &begin()?).await,
        Command::Migrate(_) => migrate::migrate(&begin()?).await,
    }
}
