//! Temporary folders that PostgreSQL's user can enter.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

/// A temporary folder that lets other users pass, unlike tempfile's own: as root the server runs as
/// somebody else.
pub(crate) fn passable_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("lmp-billing-sync-test-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .expect("a temporary folder can be made")
}
