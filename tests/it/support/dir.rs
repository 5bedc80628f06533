//! Temporary folders that PostgreSQL's user can enter.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

/// Linux keeps this folder in memory, where a database is cloned in 12 ms; a disk may take 300.
const IN_MEMORY: &str = "/dev/shm";
/// Containers often give it 64 MB, which a few databases fill.
const ROOM: u64 = 2 << 30;

/// For a server's data: in memory where there is room.
pub(crate) fn data_dir() -> TempDir {
    let room = rustix::fs::statvfs(IN_MEMORY).map_or(0, |found| found.f_bavail * found.f_frsize);
    let writable = rustix::fs::access(IN_MEMORY, rustix::fs::Access::WRITE_OK).is_ok();
    if room >= ROOM && writable { passable_dir_in(Path::new(IN_MEMORY)) } else { exec_dir() }
}

/// For programs to run, which memory often refuses.
pub(crate) fn exec_dir() -> TempDir {
    passable_dir_in(&std::env::temp_dir())
}

/// Lets other users pass, unlike tempfile's own choice: as root the server runs as somebody else.
fn passable_dir_in(parent: &Path) -> TempDir {
    tempfile::Builder::new()
        .prefix("lmp-billing-sync-test-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(parent)
        .expect("a temporary folder can be made")
}
