//! Being told to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::CliError;

/// A token that is cancelled by the first SIGINT or SIGTERM. A second one ends the process at once:
/// whoever sends it does not want to wait.
pub(super) fn stop_on_signals() -> Result<CancellationToken, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if token.is_cancelled() {
                std::process::exit(1);
            }
            tracing::info!("told to stop; finishing what is at hand");
            token.cancel();
        }
    });
    Ok(stop)
}
