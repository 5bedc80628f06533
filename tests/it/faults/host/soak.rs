//! Months of ticks, faults on, through the real daemon: nothing grows but what is stored.
//!
//! The clocks of daemon, database and vendor are set to each tick in turn; what comes due then runs as it
//! always does. Two months by default. The whole of two years, some five thousand ticks in half an hour:
//!
//! ```text
//! SOAK_DAYS=730 cargo test --locked --test it -- --nocapture faults::host::soak
//! ```

use chrono::{DateTime, Datelike as _, Days, TimeDelta, Timelike as _, Utc, Weekday};
use lmp_billing_sync::clock::{Clock as _, SystemClock};
use lmp_billing_sync::simulator::{BadEntry, Fault, FaultRule};
use rustix::process::Signal;

use crate::cli::process::Running;
use crate::faults::moved::Moved;

const DAYS: u64 = 30;
const PARTNERS: u32 = 20;
/// Short, so that pruning has something to do and the tables come to rest.
const RETENTION: &str = "[retention]\nmonths = 1\n";
/// The default of `database.max_connections`.
const MAX_CONNECTIONS: i64 = 5;
const APPLICATION: &str = "select count(*) from pg_stat_activity where application_name = 'lmp-billing-sync'";

/// One of its numbers.
type What = fn(&Sample) -> u64;

/// What the operating system and the database say of the daemon after a day.
#[derive(Clone, Copy, Debug)]
struct Sample {
    rss_kib: u64,
    descriptors: usize,
    threads: usize,
    connections: i64,
    polls: i64,
    runs: i64,
    ticks: i64,
    quarantined: i64,
    reports: i64,
    versions: i64,
    database_kib: i64,
}

#[tokio::test]
async fn ticks_of_months_with_faults_on_leave_memory_descriptors_and_connections_flat() {
    let days: u64 = std::env::var("SOAK_DAYS").map_or(DAYS, |days| days.parse().expect("a number of days"));
    let lab = Moved::new(PARTNERS, TimeDelta::zero()).await;
    faults(&lab);
    lab.settings(RETENTION);
    let start = SystemClock.now().date_naive().succ_opt().unwrap().and_hms_opt(1, 0, 0).unwrap().and_utc();
    lab.set(start);
    let daemon = lab.call(&["run"]).quiet().start();
    lab.until_count("select count(*) from lmp_billing.schedule_baselines", 4).await;
    until_idle(&lab).await;

    let mut samples = Vec::new();
    let mut ticks = 0;
    for day in 0..days {
        for due_at in due_on(start.date_naive() + Days::new(day)) {
            if due_at <= start {
                continue;
            }
            step(&lab, due_at).await;
            ticks += 1;
        }
        if day % 7 == 3 {
            // The database drops everybody now and then.
            let everybody = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                             where application_name = 'lmp-billing-sync'";
            lab.count(everybody).await;
        }
        let sample = sample(&lab, &daemon).await;
        assert!(sample.connections <= MAX_CONNECTIONS, "day {day}: {sample:?}");
        if day % 30 == 0 || day + 1 == days {
            println!("day {day}, {ticks} ticks: {sample:?}");
        }
        samples.push(sample);
    }
    daemon.signal(Signal::TERM);
    let ended = daemon.ended().await.with_code(0);
    println!("{} bytes of errors logged, {} requests", ended.stderr.len(), lab.handle().received());

    assert_eq!(lab.count("select count(*) from lmp_billing.schedule_ticks where attempt > 1").await, 0);
    let outcomes = "select concat_ws(' ', job, outcome, count(*)) from lmp_billing.sync_runs group by job, outcome order by 1";
    println!("runs that are still kept: {:?}", lab.texts(outcomes).await);
    lab.assert_history_is_sound().await;
    assert_flat(&samples);
}

/// Something of everything that goes wrong, at a tenth of all requests.
fn faults(lab: &Moved) {
    let faults = [
        Fault::Status { code: 503, retry_after: None },
        Fault::Status { code: 429, retry_after: None },
        Fault::Html,
        Fault::JsonError,
        Fault::TruncatedJson,
        Fault::ShortBody,
        Fault::MissingLastChunk,
        Fault::ResetInHeaders,
        Fault::ResetInBody,
        Fault::Redirect { to: "http://127.0.0.1:1/".to_owned() },
        Fault::Empty,
    ];
    for fault in faults {
        lab.handle().push_fault(FaultRule::with_probability(fault, 0.01));
    }
    lab.handle().push_fault(FaultRule::with_probability(Fault::Shuffled, 0.2));
    lab.handle().push_fault(FaultRule::with_probability(
        Fault::BadEntries(vec![BadEntry::MissingStatus, BadEntry::MaskedGuid]),
        0.05,
    ));
}

/// The ticks of the default schedule on a day, in their order, in UTC.
fn due_on(day: chrono::NaiveDate) -> Vec<DateTime<Utc>> {
    let at = |hour, minute| day.and_hms_opt(hour, minute, 0).unwrap().and_utc();
    let mut due = vec![at(0, 0), at(4, 0), at(5, 0), at(8, 0), at(12, 0), at(16, 0), at(20, 0)];
    if day.weekday() == Weekday::Sun {
        due.push(at(4, 30));
    }
    if day.day() == 1 {
        due.push(at(3, 0));
    }
    due.sort();
    due
}

/// Lets a tick come due, and waits until it has been run to its end.
async fn step(lab: &Moved, due_at: DateTime<Utc>) {
    lab.set(due_at + TimeDelta::seconds(1));
    let job = match (due_at.hour(), due_at.minute()) {
        (3, 0) => "discover",
        (4, 30) => "reconcile",
        (5, 0) => "prune",
        _ => "refresh",
    };
    let ran = format!(
        "select count(*) from lmp_billing.schedule_ticks t
         join lmp_billing.sync_runs r on r.id = t.run_id and r.outcome <> 'running'
         where t.job = '{job}' and t.due_at = '{due_at}'"
    );
    lab.until_count(&ran, 1).await;
}

async fn until_idle(lab: &Moved) {
    let ended =
        "select count(*) from lmp_billing.sync_runs where trigger = 'startup' and outcome <> 'running'";
    lab.until_count(ended, 1).await;
}

async fn sample(lab: &Moved, daemon: &Running) -> Sample {
    let process = format!("/proc/{}", daemon.pid());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    let field = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let count = async |table: &str| lab.count(&format!("select count(*) from lmp_billing.{table}")).await;
    Sample {
        rss_kib: field("VmRSS:"),
        descriptors: std::fs::read_dir(format!("{process}/fd")).unwrap().count(),
        threads: usize::try_from(field("Threads:")).unwrap(),
        connections: lab.count(APPLICATION).await,
        polls: count("cycle_polls").await,
        runs: count("sync_runs").await,
        ticks: count("schedule_ticks").await,
        quarantined: count("quarantined_reports").await,
        reports: count("reports").await,
        versions: count("superseded_versions").await,
        database_kib: lab.count("select pg_database_size(current_database()) / 1024").await,
    }
}

/// The last third is no higher than the middle third, by their medians and within what caches explain; the
/// first third is for warming up.
fn assert_flat(samples: &[Sample]) {
    let third = samples.len() / 3;
    let median = |of: &[Sample], what: fn(&Sample) -> u64| {
        let mut values: Vec<u64> = of.iter().map(what).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let (middle, last) = (&samples[third..2 * third], &samples[samples.len() - third..]);
    let flat: [(&str, What, u64); 4] = [
        ("memory in KiB", |sample| sample.rss_kib, 2048),
        ("file descriptors", |sample| sample.descriptors as u64, 1),
        ("threads", |sample| sample.threads as u64, 1),
        ("connections", |sample| sample.connections.unsigned_abs(), 0),
    ];
    for (what, of, tolerance) in flat {
        let (before, after) = (median(middle, of), median(last, of));
        println!("{what}: {before}, then {after}");
        assert!(after <= before + tolerance, "{what} grew from {before} to {after}");
    }
    // With a month of retention the tables rest after two and a half: one month of the oldest cycle that
    // is asked for, and what its reports refer to.
    if samples.len() >= 240 {
        let stored: [(&str, What); 7] = [
            ("polls", |sample| sample.polls.unsigned_abs()),
            ("runs", |sample| sample.runs.unsigned_abs()),
            ("ticks", |sample| sample.ticks.unsigned_abs()),
            ("quarantined entries", |sample| sample.quarantined.unsigned_abs()),
            ("reports", |sample| sample.reports.unsigned_abs()),
            ("versions", |sample| sample.versions.unsigned_abs()),
            ("KiB of database", |sample| sample.database_kib.unsigned_abs()),
        ];
        for (what, of) in stored {
            let (before, after) = (median(middle, of), median(last, of));
            println!("{what} stored: {before}, then {after}");
            assert!(after * 4 <= before * 5, "{what} grew from {before} to {after}");
        }
    }
}
