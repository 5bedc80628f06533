//! The running server: its guard, its settings, when it is ready and how it ends.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use super::Flavour;
use super::error::EmbeddedError;
use super::find::Binaries;
use super::log::Log;
use super::user::ServerUser;

/// How long the guard lets the server disconnect everybody and write everything down before it is
/// stopped the hard way, which takes the guard a third of this again at most.
const PATIENCE: Duration = Duration::from_secs(30);
/// With data that is thrown away anyway.
const THROWAWAY_PATIENCE: Duration = Duration::from_secs(3);

/// Recovery after a crash replays at most `max_wal_size`; a slow disk does that well within this.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// Below the ports the system hands out for outgoing connections, so that the port is still free
/// at the next start.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Says the guard's name in lists of processes.
const GUARD_NAME: &str = "lmp-billing-sync-guard";
const GUARD: &str = include_str!("guard.sh");

/// What every server runs with. Given as arguments, so that a newer program's choice also reaches
/// old data; anything else can be set in `postgresql.conf`.
const SETTINGS: [&str; 7] = [
    "cluster_name=lmp-billing-sync",
    "listen_addresses=127.0.0.1",
    // A socket's path may have 107 bytes at most, and a data directory's may be longer.
    "unix_socket_directories=",
    // The log must stay the standard error of every process of the server, see `log`.
    "logging_collector=off",
    "log_destination=stderr",
    "log_checkpoints=off",
    // A failed statement is its sender's to report; here it would only spread partners' names.
    "log_min_error_statement=panic",
];

/// What suits a database of this one program, beside the above.
const OWN_SETTINGS: [&str; 4] = [
    "max_connections=50",
    // Keeps the folder small; the default lets 1 GB of log pile up.
    "max_wal_size=256MB",
    // Machine code costs more than these queries, and services are often forbidden to make any.
    "jit=off",
    "max_parallel_workers_per_gather=0",
];

/// For tests only, in place of `max_connections` and durability.
const THROWAWAY_SETTINGS: [&str; 4] =
    ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"];

/// A server and its guard. Dropping it lets go of the guard's pipe, which stops the server.
#[derive(Debug)]
pub(super) struct Server {
    /// The write end of the pipe the guard waits on; nothing is ever written.
    lifeline: ChildStdin,
    /// How the guard, and with it the server, ended.
    ended: watch::Receiver<Option<ExitStatus>>,
}

/// What a server is made and started with.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) cluster: &'a Path,
    pub(super) binaries: &'a Binaries,
    pub(super) user: &'a ServerUser,
    pub(super) log: &'a Log,
    pub(super) flavour: Flavour,
}

impl Launch<'_> {
    /// Starts the server and waits until it takes connections.
    ///
    /// `Ok(None)` means that somebody else took the port in the meantime.
    pub(super) async fn on_port(&self, port: u16) -> Result<Option<Server>, EmbeddedError> {
        let server = self.spawn(port)?;
        match self.ready(&server).await {
            Ok(()) => Ok(Some(server)),
            Err(EmbeddedError::EndedEarly { said, .. })
                if said.contains("could not create any TCP/IP sockets") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn spawn(&self, port: u16) -> Result<Server, EmbeddedError> {
        let shell = Path::new("/bin/sh");
        let failed = || EmbeddedError::io("start the PostgreSQL server's guard with", shell);
        let mut guard = self.user.command(shell);
        let (patience, own, throwaway): (_, &[&str], &[&str]) = match self.flavour {
            Flavour::Embedded => (PATIENCE, &OWN_SETTINGS, &[]),
            Flavour::Throwaway => (THROWAWAY_PATIENCE, &OWN_SETTINGS, &THROWAWAY_SETTINGS),
            Flavour::Default => (PATIENCE, &[], &[]),
        };
        guard.env("GUARD", GUARD);
        guard.args(["-c", r#"eval "$GUARD""#, GUARD_NAME, &patience.as_secs().to_string()]);
        guard.arg(self.binaries.postgres()).arg("-D").arg(self.cluster);
        guard.args(["-c", &format!("port={port}")]);
        for setting in SETTINGS.iter().chain(own).chain(throwaway) {
            guard.args(["-c", setting]);
        }
        guard.stdin(Stdio::piped()).stdout(self.log.share()?).stderr(self.log.share()?);
        let mut guard = guard.spawn().map_err(failed())?;
        let lifeline = guard.stdin.take().ok_or_else(|| failed()(std::io::ErrorKind::BrokenPipe.into()))?;

        // A thread and not a task: the server must not depend on the runtime it was started from,
        // which in tests ends with the first test.
        let (tell, ended) = watch::channel(None);
        thread::Builder::new()
            .name("postgres-guard".to_owned())
            .spawn(move || tell.send_replace(guard.wait().ok()))
            .map_err(failed())?;
        Ok(Server { lifeline, ended })
    }

    async fn ready(&self, server: &Server) -> Result<(), EmbeddedError> {
        // PostgreSQL announces this nowhere but in its process id file.
        let asking = async {
            while !says_ready(self.cluster) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            status = server.ended() => Err(self.ended_early(status)),
            in_time = tokio::time::timeout(READY_WITHIN, asking) => in_time.map_err(|_| EmbeddedError::NotReady {
                cluster: self.cluster.to_owned(),
                seconds: READY_WITHIN.as_secs(),
                log: self.log.path().to_owned(),
                said: self.log.said(),
            }),
        }
    }

    /// The server, or what prepares it, ended with this.
    pub(super) fn ended_early(&self, status: ExitStatus) -> EmbeddedError {
        EmbeddedError::EndedEarly {
            cluster: self.cluster.to_owned(),
            status,
            log: self.log.path().to_owned(),
            said: self.log.said(),
        }
    }
}

impl Server {
    /// Waits until the server is gone, whatever ended it.
    pub(super) async fn ended(&self) -> ExitStatus {
        status(self.ended.clone()).await
    }

    /// Stops the server and waits for its end, which the guard bounds.
    pub(super) async fn stop(self) -> ExitStatus {
        let Self { lifeline, ended } = self;
        drop(lifeline);
        status(ended).await
    }
}

async fn status(mut ended: watch::Receiver<Option<ExitStatus>>) -> ExitStatus {
    match ended.wait_for(Option::is_some).await.map(|status| *status) {
        Ok(Some(status)) => status,
        // The thread is gone without an answer: nobody will ever know how the guard ended.
        Ok(None) | Err(_) => ExitStatus::default(),
    }
}

/// Line 8 of the process id file is the server's state, padded with spaces.
fn says_ready(cluster: &Path) -> bool {
    fs::read_to_string(cluster.join("postmaster.pid"))
        .is_ok_and(|content| content.lines().nth(7).is_some_and(|state| state.trim() == "ready"))
}

/// A port nobody listens on: the preferred one if that is free.
///
/// Another program may take it before the server does; [`Launch::on_port`] tells.
pub(super) fn free_port(preferred: Option<u16>) -> Result<u16, EmbeddedError> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let candidates = preferred.into_iter().chain(std::iter::repeat_with(|| fastrand::u16(PORTS)).take(50));
    for port in candidates {
        if free(port).is_ok() {
            return Ok(port);
        }
    }
    free(0)
        .and_then(|listener| Ok(listener.local_addr()?.port()))
        .map_err(EmbeddedError::io("find a free port on", "127.0.0.1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_port_is_taken_if_free_and_else_another_one() {
        let is_taken_when_free = || {
            let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = taken.local_addr().unwrap().port();
            let other = free_port(Some(port)).unwrap();
            assert_ne!(other, port);
            assert!(PORTS.contains(&other));
            drop(taken);
            free_port(Some(port)).unwrap() == port
        };
        // Another program, or test, may be given the same port at this moment, but not each time.
        assert!((0..10).any(|_| is_taken_when_free()));
    }

    #[test]
    fn ready_is_line_8_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let says = |state: &str| {
            let content =
                format!("42\n{}\n1700000000\n20000\n\n127.0.0.1\n  1 2\n{state}\n", dir.path().display());
            fs::write(dir.path().join("postmaster.pid"), content).unwrap();
            says_ready(dir.path())
        };
        assert!(!says_ready(dir.path()));
        assert!(!says("starting"));
        assert!(says("ready   "));
        assert!(!says("stopping"));
    }
}
