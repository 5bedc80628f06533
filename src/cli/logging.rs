//! Logs: to stderr, for people or machines, without disturbing a progress bar.

use std::backtrace::Backtrace;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::{LazyLock, OnceLock};

use anyhow::anyhow;
use indicatif::MultiProgress;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, reload};

use super::CliError;
use super::log_thread::{self, LogThread};
use crate::config::{Log, LogFormat};

/// All progress bars of the process; log lines are written above them.
pub(super) static PROGRESS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Puts another filter in the place of the one the log was started with.
static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// As the log was started.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Logs as the settings say.
pub(super) fn init(log: &Log) -> Result<(), CliError> {
    start(log.format, &log.filter, BoxMakeWriter::new(AboveProgress))
}

/// The same for the daemon, which goes on whoever takes its lines.
pub(super) fn init_daemon(log: &Log) -> Result<(), CliError> {
    let thread = LogThread::stderr(log.format).map_err(|error| anyhow!("cannot start logging: {error}"))?;
    start(log.format, &log.filter, BoxMakeWriter::new(thread))?;
    // The usual way writes to stderr, and where nobody reads would keep the panic from ending anything.
    panic::set_hook(Box::new(|panic| {
        tracing::error!("panicked: {panic}\n{}", Backtrace::capture());
        // Where it is the main task, nobody else will.
        log_thread::flush();
    }));
    Ok(())
}

/// Logs without settings.
pub(super) fn init_default() -> Result<(), CliError> {
    start(LogFormat::Text, "info", BoxMakeWriter::new(AboveProgress))
}

/// Logs only what is wrong, where the command itself tells what happens. That a tick is skipped is not:
/// on a slow machine the demo's schedule is faster than its runs.
pub(super) fn init_quiet() -> Result<(), CliError> {
    let filter = "warn,lmp_billing_sync::daemon::ticker=error";
    start(LogFormat::Text, filter, BoxMakeWriter::new(AboveProgress))
}

fn start(format: LogFormat, filter: &str, writer: BoxMakeWriter) -> Result<(), CliError> {
    let (filter, handle) = reload::Layer::new(targets(filter)?);
    let lines = fmt::layer()
        .with_writer(writer)
        // It would tell of lines that could not be written by writing to stderr, and panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
    started.map_err(|error| anyhow!("cannot start logging: {error}"))?;
    let _ = FILTER.set(handle);
    let _ = FORMAT.set(format);
    Ok(())
}

/// From now on logs what this filter lets through.
pub(super) fn change_filter(filter: &str) -> Result<(), CliError> {
    let Some(handle) = FILTER.get() else { return Ok(()) };
    handle.reload(targets(filter)?).map_err(|error| anyhow!("log.filter: {error}").into())
}

/// Why the program ends, as the last line: in the log's own format where a machine reads it.
pub(super) fn last_word(error: &CliError) {
    if *FORMAT.get().unwrap_or(&LogFormat::Text) == LogFormat::Json
        && tracing::enabled!(tracing::Level::ERROR)
    {
        tracing::error!("{error}");
    } else {
        log_thread::last_word(&error.to_string());
    }
}

fn targets(filter: &str) -> Result<Targets, CliError> {
    // It tells of its own inner states; who wants to know can say so after this.
    format!("tokio_cron_scheduler=warn,{filter}")
        .parse()
        .map_err(|error| anyhow!("log.filter: {error}").into())
}

struct AboveProgress;

impl MakeWriter<'_> for AboveProgress {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for AboveProgress {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        PROGRESS.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
