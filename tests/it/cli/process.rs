//! The program as a process: how it is called, and what it leaves when it has ended.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longer than any command needs on the slowest machine: a program that hangs fails its test.
const DEADLINE: Duration = Duration::from_mins(3);

/// A call of the program, with nothing of this machine's settings in it.
pub(crate) struct Call(Command);

impl Call {
    pub(crate) fn new(args: &[&str], folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lmp-billing-sync"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LMP_BILLING_SYNC_") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .env_remove("CREDENTIALS_DIRECTORY")
            // It would set the width of the help.
            .env_remove("COLUMNS")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self(command)
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Overrides a setting, `database.migrate` for example, as the environment does it.
    pub(crate) fn set(self, key: &str, value: &str) -> Self {
        let name = format!("LMP_BILLING_SYNC__{}", key.to_uppercase().replace('.', "__"));
        self.env(&name, value)
    }

    /// Lets the program write its results here.
    pub(crate) fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.0.stdout(to);
        self
    }

    /// Lets the program write its log here.
    pub(crate) fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.0.stderr(to);
        self
    }

    /// Lets nobody hear what it says, for a program that is not listened to: a full pipe would stop it.
    pub(crate) fn quiet(self) -> Self {
        self.set("log.filter", "error")
    }

    /// Waits for the end.
    pub(crate) async fn ended(mut self) -> Ended {
        // Not `output()`, which would not let stdout go anywhere else.
        let child = self.0.spawn().expect("the program can be started");
        let output = timeout(DEADLINE, child.wait_with_output()).await;
        Ended::of(&output.expect("the program ends").expect("its end can be waited for"))
    }

    /// Waits for the end, which must be this one.
    pub(crate) async fn ends_with(self, code: i32) -> Ended {
        self.ended().await.with_code(code)
    }

    /// Lets it run, while its results go where [`Call::stdout`] said.
    pub(crate) fn start_unheard(mut self) -> Unheard {
        let child = self.0.spawn().expect("the program can be started");
        // Else the other end would wait for what we could still write.
        drop(self);
        Unheard(child)
    }

    /// Lets it run.
    pub(crate) fn start(mut self) -> Running {
        let mut child = self.0.spawn().expect("the program can be started");
        // What goes somewhere else is not told here.
        let stdout = child.stdout.take().map_or_else(|| Told::new(tokio::io::empty()), Told::new);
        let stderr = child.stderr.take().map_or_else(|| Told::new(tokio::io::empty()), Told::new);
        Running { child, stdout, stderr }
    }
}

/// The program while it runs.
pub(crate) struct Running {
    child: Child,
    pub(crate) stdout: Told,
    pub(crate) stderr: Told,
}

impl Running {
    pub(crate) fn pid(&self) -> i32 {
        self.child.id().and_then(|id| i32::try_from(id).ok()).expect("it runs")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid()).expect("a process has a number");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits until a daemon says where its endpoints are.
    pub(crate) async fn address(&mut self) -> SocketAddr {
        let told = self.stderr.until("status page at").await;
        let url = told.lines().last().and_then(|line| line.split("http://").nth(1)).expect("a URL");
        url.trim().trim_end_matches('/').parse().expect("an address")
    }

    /// Tells it to stop, which it does in order.
    pub(crate) async fn stops(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended().await.with_code(0)
    }

    /// Waits for the end, which must come within this time.
    pub(crate) async fn ends_within(mut self, limit: Duration) -> Ended {
        let status = timeout(limit, self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("still running after {limit:?}")).unwrap();
        Ended { code: status.code(), stdout: self.stdout.rest().await, stderr: self.stderr.rest().await }
    }

    /// Waits for the end.
    pub(crate) async fn ended(self) -> Ended {
        self.ends_within(DEADLINE).await
    }
}

/// The program while it runs and somebody else reads what it writes.
pub(crate) struct Unheard(Child);

impl Unheard {
    pub(crate) fn pid(&self) -> i32 {
        self.0.id().and_then(|id| i32::try_from(id).ok()).expect("it runs")
    }

    /// Waits for the end.
    pub(crate) async fn ended(self) -> Ended {
        let output = timeout(DEADLINE, self.0.wait_with_output()).await;
        Ended::of(&output.expect("the program ends").expect("its end can be waited for"))
    }
}

/// What a running program writes.
pub(crate) struct Told {
    from: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    so_far: String,
}

impl Told {
    fn new(from: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { from: BufReader::new(Box::new(from)), so_far: String::new() }
    }

    /// Waits for a line with this in it; returns all that was written up to its end.
    pub(crate) async fn until(&mut self, wanted: &str) -> &str {
        loop {
            let start = self.so_far.len();
            let read = timeout(DEADLINE, self.from.read_line(&mut self.so_far)).await;
            let read = read.unwrap_or_else(|_| panic!("{wanted:?} is not said, but: {}", self.so_far));
            assert_ne!(read.unwrap(), 0, "it ended without saying {wanted:?}: {}", self.so_far);
            if self.so_far[start..].contains(wanted) {
                return &self.so_far;
            }
        }
    }

    /// How much of it has been read.
    pub(crate) fn read_so_far(&self) -> usize {
        self.so_far.len()
    }

    async fn rest(mut self) -> String {
        self.from.read_to_string(&mut self.so_far).await.unwrap();
        self.so_far
    }
}

/// What the program left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes text");
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// It must have ended so, and never by a panic.
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Each of these must stand on stdout.
    pub(crate) fn says(self, wanted: &[&str]) -> Self {
        for text in wanted {
            assert!(
                self.stdout.contains(text),
                "{text:?} is not on stdout: {}\n{}",
                self.stdout,
                self.stderr
            );
        }
        self
    }

    /// Each of these must stand on stderr.
    pub(crate) fn complains(self, wanted: &[&str]) -> Self {
        for text in wanted {
            assert!(self.stderr.contains(text), "{text:?} is not on stderr: {}", self.stderr);
        }
        self
    }

    /// Stdout as exactly one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON document ({error}): {}", self.stdout))
    }

    /// Stdout as CSV: a header line, then rows by column.
    pub(crate) fn csv(&self) -> (Vec<String>, Vec<BTreeMap<String, String>>) {
        let mut reader = csv::Reader::from_reader(self.stdout.as_bytes());
        let header = reader.headers().expect("a header").iter().map(str::to_owned).collect();
        (header, reader.deserialize().collect::<Result<_, _>>().expect("rows as long as the header"))
    }
}

/// The keys of a JSON object, sorted.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
