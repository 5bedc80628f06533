//! Room for what is written here: the private PostgreSQL's data, and large answers on their way.

use std::path::{Path, PathBuf};

use bytesize::ByteSize;

use super::findings::{Findings, Grade};
use crate::config::Settings;

/// PostgreSQL's log of what is to be written may take so much by itself before anything is given back.
const DATA_NEEDS: u64 = 256 << 20;
/// A new cluster is 60 MB; a year of ten thousand reports a month fits into the rest.
const DATA_WANTS: u64 = 1 << 30;
/// An answer of some hundred thousand reports.
const ANSWER_WANTS: u64 = 64 << 20;

pub(super) fn check(findings: &mut Findings, settings: &Settings) {
    if settings.database.embedded {
        let data = existing(&settings.data_dir);
        match free(&data) {
            Ok(free) => {
                let (grade, todo) = judge(free);
                let text = format!("{} free for data_dir in {}{todo}", ByteSize(free), data.display());
                findings.add(grade, "disk", &text);
            }
            Err(error) => findings.bad(
                "disk",
                &format!(
                    "cannot tell how much is free for data_dir in {}: {error}; check that it is there and may \
                     be entered",
                    data.display()
                ),
            ),
        }
    }
    let temporary = std::env::temp_dir();
    match free(&temporary) {
        Ok(free) if free < ANSWER_WANTS => findings.warn(
            "disk",
            &format!(
                "{} free in {}, where large answers are kept while they are read; free some, or set TMPDIR",
                ByteSize(free),
                temporary.display()
            ),
        ),
        Ok(_) => {}
        Err(error) => findings.bad(
            "disk",
            &format!(
                "the directory for temporary files, {}, cannot be used: {error}; make it, or set TMPDIR",
                temporary.display()
            ),
        ),
    }
}

/// The folder itself, or the nearest above it: there it will be made.
fn existing(folder: &Path) -> PathBuf {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// What an ordinary user may still write there, in bytes.
fn free(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn judge(free: u64) -> (Grade, &'static str) {
    match free {
        free if free < DATA_NEEDS => {
            (Grade::Bad, ": too little for a database; free some, or choose another data_dir")
        }
        free if free < DATA_WANTS => (Grade::Warning, ": enough for now only; free some"),
        _ => (Grade::Good, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_told_and_too_little_is_a_failure() {
        assert_eq!(judge(0).0, Grade::Bad);
        assert_eq!(judge(DATA_NEEDS).0, Grade::Warning);
        assert_eq!(judge(DATA_WANTS).0, Grade::Good);
    }

    #[test]
    fn room_is_looked_for_where_the_folder_will_be_made() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(existing(&dir.path().join("a/b/c")), dir.path());
        assert!(free(dir.path()).unwrap() > 0);
    }
}
