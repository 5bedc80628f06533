//! Cleaning up after this process, however it ends.
//!
//! What all tests share lives in statics, which are never dropped, and a killed process drops nothing
//! at all. So a shell does it, waiting for the end of a pipe that only this process holds: the same
//! trick as the private server's guard.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// Runs a shell script, with `argument` as `$1`, when this process has ended.
pub(super) fn run(script: &str, argument: &str) {
    let wait_then = format!("cat >/dev/null\n{script}");
    #[expect(clippy::zombie_processes, reason = "it outlives this process")]
    let shell = Command::new("sh")
        .args(["-c", &wait_then, "after-the-tests", argument])
        // A Ctrl-C is for the tests; and whoever reads their output must not wait for this one too.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell can be started");
    std::mem::forget(shell.stdin);
}
