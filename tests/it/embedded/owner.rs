//! A process that owns a private server, for other tests to kill.
//!
//! It is this test binary once more, running only the "test" below.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use super::{connect, start, we_are_root};
use crate::support::dir::exec_dir;

const DATA_DIR: &str = "LMP_TEST_EMBEDDED_OWNER";
/// What a settings secret in the environment would look like.
const CANARY: (&str, &str) = ("LMP_BILLING_SYNC__ACCOUNTS__EMEA__SECRET_KEY", "canary-in-the-environment");
/// The user `nobody` of every system in use.
pub(super) const NOBODY: u32 = 65_534;

#[tokio::test]
#[ignore = "started by other tests as a process of its own"]
async fn owner() {
    let Some(data_dir) = std::env::var_os(DATA_DIR) else { return };
    let mut interrupted = signal(SignalKind::interrupt()).unwrap();
    let postgres = start(Path::new(&data_dir)).await;
    // Another child of the program, which outlives it: were it to inherit the guard's pipe, the
    // server would outlive the program too.
    #[expect(clippy::zombie_processes, reason = "it goes with the group, see Owner::drop")]
    let _bystander =
        Command::new("sleep").arg("600").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    println!("owner: ready {}", postgres.port());
    interrupted.recv().await;
    connect(&postgres).await;
    println!("owner: still connected");
    postgres.stop().await;
    println!("owner: stopped");
}

/// The process, in a group of its own like a command typed into a terminal.
pub(super) struct Owner {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Holds the copy of the test binary, where there is one.
    exec_dir: Option<TempDir>,
}

impl Owner {
    /// Starts it as the user we are.
    pub(super) fn spawn(data_dir: &Path) -> Self {
        Self::run(Command::new(std::env::current_exe().unwrap()), data_dir)
    }

    /// Starts it as an ordinary user, even where the tests run as root.
    pub(super) fn spawn_as_ordinary_user(data_dir: &Path) -> Self {
        if !we_are_root() {
            return Self::spawn(data_dir);
        }
        // The build may lie where that user cannot go. Copied by another process: this one would hold
        // the file open for writing while it starts others, and then it cannot be executed.
        let exec_dir = exec_dir();
        let copy = exec_dir.path().join("test-binary");
        let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&copy).status().unwrap();
        assert!(copied.success());
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).unwrap();
        chown(data_dir, Some(NOBODY), Some(NOBODY)).unwrap();
        let mut command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        let mut owner = Self::run(command, data_dir);
        owner.exec_dir = Some(exec_dir);
        owner
    }

    fn run(mut command: Command, data_dir: &Path) -> Self {
        let mut child = command
            .args(["--exact", "embedded::owner::owner", "--ignored", "--nocapture"])
            .env(DATA_DIR, data_dir)
            .env(CANARY.0, CANARY.1)
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout, exec_dir: None }
    }

    /// Waits until the server takes connections; returns its port.
    pub(super) fn ready(&mut self) -> u16 {
        self.said("ready ").parse().unwrap()
    }

    /// Waits for a line and returns what follows `what` in it.
    pub(super) fn said(&mut self, what: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(
                self.stdout.read_line(&mut line).unwrap(),
                0,
                "the owner ended before it said {what:?}"
            );
            if let Some((_, rest)) = line.split_once(&format!("owner: {what}")) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Ctrl-C: the terminal signals the whole process group.
    pub(super) fn interrupt(&self) {
        let group = Pid::from_child(&self.child);
        kill_process_group(group, Signal::INT).unwrap();
    }

    /// kill -9, of this process alone.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn wait(&mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Its bystander, and after a failed test the process itself.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

pub(super) fn canary() -> &'static str {
    CANARY.1
}
