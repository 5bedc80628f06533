//! The PostgreSQL data folder: made whole or not at all, and never made again over something else.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, test_kill_process};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::AsyncWriteExt as _;

use super::error::EmbeddedError;
use super::find::leading_number;
use super::home::Home;
use super::server::Launch;
use super::{Flavour, ROLE};

/// From this major version on PostgreSQL brings its own C.UTF-8, which no system update can change.
const BUILTIN_LOCALES_SINCE: u32 = 17;

/// The major version that made the data, `None` where there is none yet.
pub(super) fn major(cluster: &Path) -> Result<Option<u32>, EmbeddedError> {
    let version_file = cluster.join("PG_VERSION");
    let not_a_cluster = || EmbeddedError::NotACluster { cluster: cluster.to_owned() };
    match fs::read_to_string(&version_file) {
        Ok(version) => leading_number(version.trim()).map(Some).ok_or_else(not_a_cluster),
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_dir(cluster) {
            Ok(mut entries) => {
                if entries.next().is_none() {
                    Ok(None)
                } else {
                    Err(not_a_cluster())
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(EmbeddedError::io("look into", cluster)(error)),
        },
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(not_a_cluster()),
        Err(error) => Err(EmbeddedError::io("read", version_file)(error)),
    }
}

/// Removes what an initdb that was cut short has left.
pub(super) fn discard_half_made(home: &Home) -> Result<(), EmbeddedError> {
    let half_made = home.half_made();
    match fs::remove_dir_all(&half_made) {
        Ok(()) => {
            tracing::info!(path = %half_made.display(), "removed a half-made data folder of an earlier start");
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(EmbeddedError::io("remove the half-made data folder", half_made)(error)),
    }
}

/// Makes the data folder beside its place and moves it there when it is complete and on disk.
pub(super) async fn create(
    home: &Home,
    launch: &Launch<'_>,
    password: &SecretString,
) -> Result<(), EmbeddedError> {
    let Launch { cluster, binaries, user, log, flavour } = *launch;
    let work = home.half_made();
    DirBuilder::new().mode(0o700).create(&work).map_err(EmbeddedError::io("create the folder", &work))?;
    let password_file = work.join("password");
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&password_file)
        .and_then(|mut file| writeln!(file, "{}", password.expose_secret()))
        .map_err(EmbeddedError::io("write", &password_file))?;
    user.give(&password_file)?;
    user.give(&work)?;

    let data = work.join("data");
    let mut initdb = user.command(&binaries.initdb());
    initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password_file);
    initdb.args(["--username", ROLE, "--encoding", "UTF8"]);
    initdb.args(["--auth-local", "scram-sha-256", "--auth-host", "scram-sha-256"]);
    initdb.args(locale(binaries.major()));
    match flavour {
        Flavour::Embedded => drop(initdb.arg("--data-checksums")),
        Flavour::Throwaway => drop(initdb.arg("--data-checksums").arg("--no-sync")),
        Flavour::Default => {}
    }
    // Only its complaints are worth keeping: the rest ends with advice to start the server by hand.
    initdb.stdout(Stdio::null()).stderr(log.share()?);
    let free = rustix::fs::statvfs(&work).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let status = tokio::process::Command::from(initdb)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(EmbeddedError::io("run", binaries.initdb()))?;
    if !status.success() {
        return Err(EmbeddedError::Initdb { cluster: cluster.to_owned(), status, said: log.said(), free });
    }

    fs::rename(&data, cluster).map_err(EmbeddedError::io("move the new data folder to", cluster))?;
    home.sync()?;
    fs::remove_dir_all(&work).map_err(EmbeddedError::io("remove the folder", &work))?;
    tracing::info!(path = %cluster.display(), version = binaries.major(), "made a new PostgreSQL data folder");
    Ok(())
}

/// Gives the role a new password when the file with the old one was lost, by the one way in that
/// asks for none: PostgreSQL's single-user mode, which only the owner of the data can use.
pub(super) async fn reset_password(
    launch: &Launch<'_>,
    password: &SecretString,
) -> Result<(), EmbeddedError> {
    let Launch { cluster, binaries, user, log, .. } = *launch;
    let mut single = user.command(&binaries.postgres());
    single.arg("--single").arg("-D").arg(cluster);
    // Whatever the owner has the server log, not this statement.
    single.args(["-c", "log_statement=none", "-c", "log_min_duration_statement=-1"]);
    single.args(["-c", "log_min_error_statement=panic", "postgres"]);
    single.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log.share()?);
    let failed = || EmbeddedError::io("set a new password in", cluster);
    let mut single = tokio::process::Command::from(single).kill_on_drop(true).spawn().map_err(failed())?;
    if let Some(mut stdin) = single.stdin.take() {
        // Not in the arguments, where every user of the machine could read it.
        let statement = format!("alter role {ROLE} password '{}'\n", password.expose_secret());
        stdin.write_all(statement.as_bytes()).await.map_err(failed())?;
    }
    let status = single.wait().await.map_err(failed())?;
    if !status.success() {
        return Err(launch.ended_early(status));
    }
    tracing::warn!(path = %cluster.display(), "the server's password file was lost: the role has a new password");
    Ok(())
}

/// Removes the process id file of a server that is gone.
///
/// PostgreSQL does so itself, but refuses to start where another process of the same user has come
/// by that id, as happens after a power loss. The caller holds the log, so no server of ours runs;
/// one that was started by hand is recognised by its command line.
pub(super) fn discard_stale_pid_file(cluster: &Path) -> Result<(), EmbeddedError> {
    let path = cluster.join("postmaster.pid");
    let content = match fs::read_to_string(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(EmbeddedError::io("read", path)(error)),
    };
    let pid = content.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid.filter(|pid| is_server_on(*pid, cluster)) {
        return Err(EmbeddedError::ForeignServer {
            cluster: cluster.to_owned(),
            pid: pid.as_raw_nonzero().get(),
        });
    }
    fs::remove_file(&path).map_err(EmbeddedError::io("remove the stale", path))
}

fn is_server_on(pid: Pid, cluster: &Path) -> bool {
    if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    let pid = pid.as_raw_nonzero().to_string();
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok().or_else(|| {
        // No /proc outside Linux.
        Command::new("ps").args(["-p", &pid, "-o", "command="]).output().ok().map(|answer| answer.stdout)
    });
    let command_line = command_line.unwrap_or_default();
    let command_line = String::from_utf8_lossy(&command_line);
    command_line.contains("postgres") && command_line.contains(&*cluster.to_string_lossy())
}

/// Text ordered by code point, everywhere the same: an index must not depend on which machine, or
/// which update of its C library, sorted it.
fn locale(major: u32) -> &'static [&'static str] {
    if major >= BUILTIN_LOCALES_SINCE {
        return &["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"];
    }
    let known = Command::new("locale").arg("-a").stderr(Stdio::null()).output();
    let known =
        known.map(|answer| String::from_utf8_lossy(&answer.stdout).to_lowercase()).unwrap_or_default();
    if known.lines().any(|name| name == "c.utf8" || name == "c.utf-8") {
        &["--locale", "C.UTF-8"]
    } else {
        &["--locale", "C"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_holds_no_data() {
        assert_eq!(major(tempfile::tempdir().unwrap().path()).unwrap(), None);
    }
}
