//! Processor time, of this process, of its children and of the database's server.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::unistd::{SysconfVar, sysconf};

/// What was used, in user and system mode together.
pub(crate) fn seconds(usage: &Usage) -> f64 {
    let seconds = |time: nix::sys::time::TimeVal| {
        Duration::new(time.tv_sec().unsigned_abs(), 0).as_secs_f64()
            + Duration::from_micros(time.tv_usec().unsigned_abs()).as_secs_f64()
    };
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Of this process so far.
pub(crate) fn own() -> Result<f64> {
    Ok(seconds(&getrusage(UsageWho::RUSAGE_SELF)?))
}

/// Of the server that one of whose processes is known: its first process, those that have ended, and those
/// that live. In hundredths of a second mostly.
pub(crate) fn server_of(backend: i64) -> Result<f64> {
    let first: i64 = fields(backend)?.parent;
    let mut ticks = 0;
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i64>() else { continue };
        // Others may end at any moment.
        let Ok(Fields { parent, own, ended }) = fields(pid) else { continue };
        if pid == first {
            ticks += own + ended;
        } else if parent == first {
            ticks += own;
        }
    }
    let per_second = sysconf(SysconfVar::CLK_TCK)?.context("the kernel does not say what a tick is")?;
    #[expect(clippy::cast_precision_loss, reason = "ticks of a benchmark are far below 2^52")]
    Ok(ticks as f64 / per_second as f64)
}

struct Fields {
    parent: i64,
    /// Ticks of the process, and of its children that have ended.
    own: i64,
    ended: i64,
}

/// `/proc/PID/stat`, see proc(5).
fn fields(pid: i64) -> Result<Fields> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold anything, brackets too.
    let (_, rest) = text.rsplit_once(')').context("a process without a name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| -> Result<i64> { Ok(fields.get(at).context("too few fields")?.parse()?) };
    Ok(Fields { parent: number(1)?, own: number(11)? + number(12)?, ended: number(13)? + number(14)? })
}
