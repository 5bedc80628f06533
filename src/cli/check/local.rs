//! What the settings and the environment tell: where they are from, when jobs are due, which way requests
//! go.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use url::Url;

use super::findings::Findings;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Secret, Settings};
use crate::setup::schedule_of;
use crate::store::Job;
use secrecy::ExposeSecret as _;

/// What other programs take their proxy from, and this one does not.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

pub(super) fn check(findings: &mut Findings, settings: &Settings) {
    let source =
        settings.source.as_ref().map_or("built-in defaults".to_owned(), |path| path.display().to_string());
    match settings.source.as_deref().filter(|file| only_root_reads(file)) {
        Some(_) => findings.warn(
            "settings",
            &format!(
                "{source} may be read by root alone, and the service runs as a user of its own: `chmod 644 {source}` \
                 (secrets belong into files of their own)"
            ),
        ),
        None => findings.good("settings", &format!("{source}; {} account(s)", settings.accounts.len())),
    }
    findings.good("schedule", &next_ticks(settings));
    check_proxy(findings, settings);
}

/// Whether it is a file of the service's folder, and its user could not read it.
pub(super) fn only_root_reads(file: &Path) -> bool {
    let is_readable = |metadata: fs::Metadata| {
        let group = if metadata.gid() == 0 { 0 } else { 0o040 };
        metadata.uid() != 0 || metadata.mode() & (0o004 | group) != 0
    };
    file.starts_with("/etc/lmp-billing-sync")
        && fs::metadata(file).is_ok_and(|metadata| !is_readable(metadata))
}

/// The next tick of each job, in the zone of the schedules.
fn next_ticks(settings: &Settings) -> String {
    let (now, zone) = (SystemClock.now(), settings.schedule.timezone);
    let next = Job::SCHEDULED.into_iter().filter_map(|job| {
        let due_at = schedule_of(&settings.schedule, job)?.next_after(now)?.with_timezone(&zone);
        Some(format!("{} {}", job.as_str(), due_at.format("%Y-%m-%d %H:%M")))
    });
    format!("next {} ({zone})", next.collect::<Vec<_>>().join(", "))
}

fn check_proxy(findings: &mut Findings, settings: &Settings) {
    let Some(proxy) = &settings.sync.proxy else {
        let set =
            PROXY_VARIABLES.into_iter().find(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
        match set {
            Some(name) => findings.warn(
                "proxy",
                &format!(
                    "none: LMP is asked directly; the environment's {name} is not read, so if LMP can be \
                     reached through it only, set sync.proxy (or sync.proxy_file)"
                ),
            ),
            None => findings.good("proxy", "none: LMP is asked directly"),
        }
        return;
    };
    match shown(proxy) {
        Ok(proxy) => findings.good("proxy", &proxy),
        Err(error) => findings.error("proxy", error),
    }
}

/// A proxy without what is secret about it: user and password.
fn shown(proxy: &Secret) -> Result<String, crate::config::ConfigError> {
    let value = proxy.read()?;
    let Ok(url) = Url::parse(value.expose_secret()) else { return Ok("set".to_owned()) };
    let credentials = if url.username().is_empty() && url.password().is_none() {
        "without credentials"
    } else {
        "with user and password"
    };
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    Ok(format!("{}://{host}:{port} {credentials} (sync.proxy), for LMP only", url.scheme()))
}
