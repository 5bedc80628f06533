//! A clock that can be moved under the feet of other processes: the program, or a PostgreSQL server.
//!
//! libfaketime stands between a process and its wall clock and adds what a file says, which may change
//! at any moment. The monotonic clock is left alone, as it is when a machine sleeps or its clock is set.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use lmp_billing_sync::clock::{Clock, SystemClock};
use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use tempfile::TempDir;

use super::dir::{data_dir, exec_dir};
use crate::cli::process::Call;

/// Clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct ShiftedClock {
    /// Milliseconds ahead of the machine's clock.
    ahead: Arc<AtomicI64>,
    folder: Arc<TempDir>,
    library: PathBuf,
}

impl ShiftedClock {
    /// One that shows the right time until it is moved.
    pub(crate) fn new() -> Self {
        let clock = Self { ahead: Arc::default(), folder: Arc::new(exec_dir()), library: library() };
        clock.shift(TimeDelta::zero());
        clock
    }

    /// Puts it so far ahead of the right time.
    pub(crate) fn shift(&self, ahead: TimeDelta) {
        let milliseconds = ahead.num_milliseconds();
        // Under another name first: a half-written number is another number.
        let (half, whole) = (self.folder.path().join("half"), self.file());
        let sign = if milliseconds < 0 { '-' } else { '+' };
        let (seconds, rest) = (milliseconds.abs() / 1000, milliseconds.abs() % 1000);
        fs::write(&half, format!("{sign}{seconds}.{rest:03}\n")).unwrap();
        fs::rename(half, whole).unwrap();
        self.ahead.store(milliseconds, Ordering::Relaxed);
    }

    /// Sets it to a moment.
    pub(crate) fn set(&self, to: DateTime<Utc>) {
        self.shift(to - SystemClock.now());
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }

    fn variables(&self) -> [(&'static str, String); 4] {
        let text = |path: &Path| path.to_str().expect("a path of ours is text").to_owned();
        [
            ("LD_PRELOAD", text(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", text(&self.file())),
            // Else the file is looked at every ten seconds only.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Lets the program go by this clock.
    pub(crate) fn on(&self, call: Call) -> Call {
        self.variables().iter().fold(call, |call, (name, value)| call.env(name, value))
    }

    /// A PostgreSQL server that goes by this clock, and where its data are.
    pub(crate) async fn server(&self) -> (EmbeddedPostgres, TempDir) {
        let data = data_dir();
        let mut options = EmbeddedOptions::for_tests(data.path());
        let real = EmbeddedPostgres::survey(&options).expect("PostgreSQL is installed").bin_dir;
        let folder = self.folder.path().join("bin");
        fs::create_dir_all(&folder).unwrap();
        let variables = self.variables().map(|(name, value)| format!("{name}='{value}' ")).concat();
        for (program, before) in [("initdb", ""), ("postgres", variables.as_str())] {
            let script = format!("#!/bin/sh\nexec env {before}'{}' \"$@\"\n", real.join(program).display());
            let path = folder.join(program);
            fs::write(&path, script).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        options.bin_dir = Some(folder);
        (EmbeddedPostgres::start(&options).await.expect("a server starts"), data)
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.ahead.load(Ordering::Relaxed))
    }
}

fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    folders
        .chain([PathBuf::from("/usr/lib")])
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file())
        .expect("libfaketime is installed; scripts/ensure-test-tools.sh does it")
}
