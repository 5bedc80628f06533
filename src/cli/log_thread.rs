//! Log lines on their way out, so that who does not take them holds up nobody.
//!
//! A daemon's standard error may be a pipe that nobody empties, or a journal on a full disk. Written from
//! the daemon's own threads, a line that is not taken would stop all of them. So a thread of its own
//! writes; what it cannot get rid of is dropped, and counted.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::clock::{Clock as _, SystemClock};
use crate::config::LogFormat;

/// Lines that may wait: some minutes of a daemon in trouble, and a few hundred KiB.
const WAITING: usize = 1024;

/// How long the end of the program waits for the last lines to be taken.
const FAREWELL: Duration = Duration::from_secs(1);

/// The thread of this process, if it has one.
static THREAD: OnceLock<LogThread> = OnceLock::new();

enum Message {
    Line(Vec<u8>),
    /// All that came before has been written.
    Flushed(SyncSender<()>),
}

/// Hands lines to the thread; clones to the same.
#[derive(Clone, Debug)]
pub(super) struct LogThread {
    lines: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl LogThread {
    /// Starts the thread, which writes to `out`.
    fn start(out: impl Write + Send + 'static, format: LogFormat) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            write_all(&waiting, out, &counted, format);
        })?;
        Ok(Self { lines, dropped })
    }

    /// The process's own, which writes to standard error.
    pub(super) fn stderr(format: LogFormat) -> io::Result<Self> {
        // Not `io::stderr()`: a write that hangs would hold its lock, and a panic wants it.
        let started = Self::start(File::from(io::stderr().as_fd().try_clone_to_owned()?), format)?;
        Ok(THREAD.get_or_init(|| started).clone())
    }

    fn flush(&self) {
        let (flushed, done) = sync_channel(1);
        // A full queue is one that nobody empties: there is nothing to wait for.
        if self.lines.try_send(Message::Flushed(flushed)).is_ok() {
            let _ = done.recv_timeout(FAREWELL);
        }
    }
}

/// The program's last word, on standard error; whether anybody takes it, the exit code tells.
pub(super) fn last_word(text: &str) {
    let line = format!("lmp-billing-sync: {text}\n");
    // Not `eprintln!`, which panics where nobody listens.
    let _ = match THREAD.get() {
        Some(thread) => thread.clone().write_all(line.as_bytes()),
        None => io::stderr().write_all(line.as_bytes()),
    };
}

/// Waits for the lines so far to be written, but not for long.
pub(super) fn flush() {
    if let Some(thread) = THREAD.get() {
        thread.flush();
    }
}

fn write_all(waiting: &Receiver<Message>, mut out: impl Write, dropped: &AtomicU64, format: LogFormat) {
    // Whether anybody takes a line is not for the daemon to care about: it goes on without.
    for message in waiting {
        match message {
            Message::Line(line) => {
                let lost = dropped.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    let note = format!("{lost} log lines were lost, nobody took them");
                    let _ = match format {
                        LogFormat::Text => writeln!(out, "lmp-billing-sync: {note}"),
                        LogFormat::Json => {
                            let now = SystemClock.now();
                            let note =
                                json!({"timestamp": now, "level": "WARN", "lost": lost, "message": note});
                            writeln!(out, "{note}")
                        }
                    };
                }
                let _ = out.write_all(&line);
            }
            Message::Flushed(done) => {
                let _ = out.flush();
                let _ = done.try_send(());
            }
        }
    }
}

impl MakeWriter<'_> for LogThread {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for LogThread {
    /// One call is one line: so the library writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Message::Line(line.to_owned())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use super::*;

    #[test]
    fn lines_that_are_taken_come_whole_and_in_order() {
        let (read, write) = io::pipe().unwrap();
        let mut log = LogThread::start(write, LogFormat::Text).unwrap();
        for number in 0..100 {
            writeln!(log, "line {number}").unwrap();
        }
        log.flush();
        drop(log);
        let lines: Vec<String> = BufReader::new(read).lines().map(Result::unwrap).collect();
        assert_eq!(lines, (0..100).map(|number| format!("line {number}")).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_takes_nothing_holds_up_nobody_and_is_told_what_it_missed() {
        let (read, write) = io::pipe().unwrap();
        let mut log = LogThread::start(write, LogFormat::Text).unwrap();
        let line = [b'x'; 1000];
        // Far more than the pipe and the queue hold.
        for _ in 0..4 * WAITING {
            assert_eq!(log.write(&line).unwrap(), line.len());
        }
        assert!(log.dropped.load(Ordering::Relaxed) > 0);
        log.flush();
        let mut taken = BufReader::new(read);
        let mut line = Vec::new();
        while !line.starts_with(b"lmp-billing-sync: ") {
            line.clear();
            // What was waiting has no line ends; the note has the first.
            let mut rest = Vec::new();
            taken.read_until(b'\n', &mut rest).unwrap();
            let start = rest.windows(18).position(|part| part == b"lmp-billing-sync: ").unwrap();
            line = rest.split_off(start);
        }
        assert!(String::from_utf8(line).unwrap().contains("log lines were lost"));
    }

    #[test]
    fn who_has_gone_does_not_matter() {
        let (read, write) = io::pipe().unwrap();
        drop(read);
        let mut log = LogThread::start(write, LogFormat::Text).unwrap();
        for _ in 0..10 {
            writeln!(log, "into the void").unwrap();
        }
        log.flush();
        assert_eq!(log.dropped.load(Ordering::Relaxed), 0);
    }
}
