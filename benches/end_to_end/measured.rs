//! Runs a program and measures it from outside: wall clock, processor time, peak memory.
//!
//! Peak memory is what the kernel counted for the process (`getrusage`). It also counts what the
//! process that started it held in that moment; so a small helper, this same program told so by its
//! first argument, stands between.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::processor;

/// The helper's first argument.
pub(crate) const HELPER: &str = "measure-child";

/// What running a program took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) wall_seconds: f64,
    /// Processor time of the program alone: neither the database's nor the upstream's.
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_kib: i64,
}

/// The helper: runs the command that its arguments are, and writes what it took into the file named first.
pub(crate) fn helper(mut arguments: impl Iterator<Item = String>) -> Result<ExitCode> {
    let (file, program) =
        arguments.next().zip(arguments.next()).context("the helper wants a file and a command")?;
    let began = Instant::now();
    let status = Command::new(program).args(arguments).status()?;
    let wall_seconds = began.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cost = Cost { wall_seconds, cpu_seconds: processor::seconds(&usage), peak_kib: usage.max_rss() };
    std::fs::write(file, serde_json::to_vec(&cost)?)?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(program: &Path, arguments: &[&str], dir: &Path) -> Result<Cost> {
    let file = dir.join("cost.json");
    let done = Command::new(std::env::current_exe()?)
        .arg(HELPER)
        .arg(&file)
        .arg(program)
        .args(arguments)
        .current_dir(dir)
        .output()?;
    if !done.status.success() {
        bail!(
            "{} {} failed: {}{}",
            program.display(),
            arguments.join(" "),
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }
    let cost: Cost = serde_json::from_slice(&std::fs::read(&file)?)?;
    ensure!(cost.peak_kib > 0, "the kernel counted no memory");
    Ok(cost)
}
