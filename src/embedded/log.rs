//! What the server says, and the sign that it still runs.
//!
//! The log is the standard error of the guard, the server and all its processes, and it is locked.
//! A lock of this kind belongs to the open file and is shared by everybody who inherited it, so it is
//! free exactly when the last of them is gone. That is how a start knows that the server of a killed
//! program has finished, where process ids (reused after a reboot, always 7 in a container) lie.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::error::EmbeddedError;
use super::home::Home;

/// A log longer than this is cut at the next start.
const LONGEST: u64 = 1 << 20;
/// What a cut leaves: enough to see why the previous server ended.
const KEPT: u64 = 64 << 10;
/// What an error message quotes.
const QUOTED_LINES: usize = 20;

/// Longer than the guard, at its most patient, takes to stop a server by all means.
const PREVIOUS_GONE_WITHIN: Duration = Duration::from_mins(1);

/// The log, ours for the server about to be started.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Where this start's lines begin.
    start: u64,
}

impl Log {
    /// Opens the log once no process of an earlier server holds it, and cuts it if it is long.
    pub(super) async fn open(home: &Home) -> Result<Self, EmbeddedError> {
        let path = home.log();
        let failed = || EmbeddedError::io("open the server's log", &path);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed())?;
        wait_for_previous(&file, home).await?;
        let start = cut(&file).map_err(failed())?;
        Ok(Self { path, file, start })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// For a process that is to write to the log, and to hold it while it runs.
    pub(super) fn share(&self) -> Result<Stdio, EmbeddedError> {
        self.file
            .try_clone()
            .map(Stdio::from)
            .map_err(EmbeddedError::io("share the server's log", &self.path))
    }

    /// The last lines written since this start.
    pub(super) fn said(&self) -> String {
        match read_end(&self.file, self.start, KEPT) {
            Ok(bytes) => last_lines(&String::from_utf8_lossy(&bytes)),
            Err(error) => format!("(the log cannot be read: {error})"),
        }
    }
}

/// The kernel has no lock with a deadline, so this asks again and again. It is rare (the previous
/// program was killed less than a second ago) and bounded.
async fn wait_for_previous(file: &File, home: &Home) -> Result<(), EmbeddedError> {
    let asking = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(TryLockError::Error(error)) => {
                    return Err(EmbeddedError::io("lock the server's log", home.log())(error));
                }
            }
        }
    };
    tokio::time::timeout(PREVIOUS_GONE_WITHIN, asking).await.unwrap_or_else(|_| {
        Err(EmbeddedError::StillStopping {
            log: home.log(),
            pid_file: home.cluster().join("postmaster.pid"),
            seconds: PREVIOUS_GONE_WITHIN.as_secs(),
        })
    })
}

/// Leaves the end of a long log; returns its length.
fn cut(mut file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    if length <= LONGEST {
        return Ok(length);
    }
    let end = read_end(file, 0, KEPT)?;
    file.set_len(0)?;
    file.write_all(&end)?;
    Ok(KEPT)
}

/// At most the last `most` bytes from `start` on.
fn read_end(mut file: &File, start: u64, most: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(start.max(length.saturating_sub(most))))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return "(nothing)".to_owned();
    }
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_log_is_cut_and_only_this_starts_lines_are_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).await.unwrap();
        std::fs::write(home.log(), "old line\n".repeat(200_000)).unwrap();

        let log = Log::open(&home).await.unwrap();
        assert_eq!(std::fs::metadata(home.log()).unwrap().len(), KEPT);
        assert_eq!(log.said(), "(nothing)");

        for line in 1..=30 {
            writeln!(&log.file, "new line {line}").unwrap();
        }
        let said = log.said();
        assert_eq!(said.lines().count(), QUOTED_LINES);
        assert!(said.starts_with("new line 11\n") && said.ends_with("new line 30"), "{said}");
    }
}
