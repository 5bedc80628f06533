//! What the service manager is told. Without one, nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager that started us, if one did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manager {
    present: bool,
    patience: Option<Duration>,
}

impl Manager {
    /// Finds out whether there is one.
    pub(super) fn new() -> Self {
        Self { present: std::env::var_os("NOTIFY_SOCKET").is_some(), patience: sd_notify::watchdog_enabled() }
    }

    /// How long nothing may take, so that a sign of life always comes in time.
    pub(super) fn within_patience(self, time: Duration) -> Duration {
        self.patience.map_or(time, |patience| time.min(patience / 3))
    }

    /// Start-up is over.
    pub(super) fn ready(self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// We are on our way out.
    pub(super) fn stopping(self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is at hand")]);
    }

    /// The settings are being loaded anew.
    pub(super) fn reloading(self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!(%error, "the service manager is not told of the reload"),
        }
    }

    /// What we do and what comes next, for `systemctl status`.
    pub(super) fn status(self, text: &str) {
        self.tell(&[NotifyState::Status(text)]);
    }

    /// A sign of life.
    pub(super) fn alive(self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    fn tell(self, states: &[NotifyState<'_>]) {
        if !self.present {
            return;
        }
        if let Err(error) = sd_notify::notify(states) {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }
}
