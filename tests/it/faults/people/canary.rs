//! Secrets of a running daemon are found nowhere. For the other commands see `cli::secrets`.

use std::fs;
use std::path::{Path, PathBuf};

use lmp_billing_sync::simulator::{Fault, FaultRule};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

use crate::cli::lab::{CommandLab, SECRET_KEY, token};
use crate::cli::process::Running;
use crate::daemon::{NEVER, settings};
use crate::support::dir::data_dir;
use crate::support::http::ask;
use crate::support::manager::Manager;

/// The processes that a process has started, and theirs.
fn descendants(of: i32) -> Vec<i32> {
    let parent =
        |stat: String| -> Option<i32> { stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok() };
    let all: Vec<(i32, i32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| Some((pid, parent(fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect();
    let mut found = vec![of];
    let mut next = 0;
    while next < found.len() {
        let of = found[next];
        found.extend(all.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

/// What anybody may see of a process in the list of processes, and its owner of its environment.
fn assert_processes_silent(daemon: &Running, canaries: &[String]) -> usize {
    let processes = descendants(daemon.pid());
    for process in &processes {
        // A dump would show all of it. None is made, of the private database's processes either.
        if let Ok(limits) = fs::read_to_string(format!("/proc/{process}/limits")) {
            let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
            assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        }
        for file in ["cmdline", "environ", "comm"] {
            let Ok(shown) = fs::read(format!("/proc/{process}/{file}")) else { continue };
            assert_silent(&format!("{file} of {process}"), &String::from_utf8_lossy(&shown), canaries);
        }
    }
    processes.len()
}

fn assert_silent(place: &str, shown: &str, canaries: &[String]) {
    for canary in canaries {
        assert!(!shown.contains(canary), "{canary} is in {place}: {shown}");
    }
}

/// Every row of every table, as text.
async fn tables(lab: &CommandLab, url: &str) -> String {
    let pool = sqlx::PgPool::connect(url).await.unwrap();
    let names: Vec<String> =
        sqlx::query_scalar("select quote_ident(tablename) from pg_tables where schemaname = 'lmp_billing'")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert!(names.len() > 5);
    let mut rows = String::new();
    for name in names {
        let query = format!("select coalesce(string_agg(t::text, E'\\n'), '') from lmp_billing.{name} t");
        rows += &sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(query)).fetch_one(&pool).await.unwrap();
    }
    pool.close().await;
    assert!(rows.len() > 1000, "{}", lab.db.url());
    rows
}

#[tokio::test]
async fn a_daemon_tells_its_secrets_nowhere_at_trace_level_with_failures_and_a_private_database() {
    // Else it might find no dumps allowed, and there would be nothing for it to do.
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: maximum, maximum }).unwrap();
    let lab = CommandLab::new().await;
    let data = data_dir();
    let schedule = NEVER.replace("refresh = '0 0 29 2 *'", "refresh = '*/2 * * * * *'");
    let base = settings(&lab, &["emea"], &schedule)
        .replace("listen = ''", "listen = '127.0.0.1:0'")
        .replace(&format!("url = '{}'", lab.db.url()), "embedded = true");
    let base = format!("data_dir = '{}'\n{base}", data.path().display());
    lab.write_settings(&base);
    for (every, fault) in [
        (7, Fault::Status { code: 403, retry_after: None }),
        (5, Fault::Html),
        (11, Fault::ResetInBody),
        (13, Fault::Redirect { to: "http://127.0.0.1:1/elsewhere".to_owned() }),
    ] {
        lab.handle().push_fault(FaultRule::every(fault, every));
    }
    let manager = Manager::new();
    let call = lab.call(&["run"]).set("log.filter", "trace").env("NOTIFY_SOCKET", &manager.path());
    let mut daemon = call.start();
    // Until its end, so that the line is never full.
    let heard = tokio::spawn(async move { manager.until("STOPPING=1").await });
    let address = daemon.address().await;
    daemon.stderr.until("refresh").await;

    let password = fs::read_to_string(find(data.path(), "password")).unwrap().trim().to_owned();
    assert!(password.len() > 10);
    let canaries = [token("emea"), SECRET_KEY.to_owned(), password.clone()];
    // Wrong settings on the way, with the secret in the wrong place.
    lab.write_settings(&format!("{base}secret = '{SECRET_KEY}'\n[sync.secret]\nkey = '{SECRET_KEY}'\n"));
    daemon.signal(Signal::HUP);
    daemon.stderr.until("the settings stay as they were").await;
    lab.write_settings(&base);
    daemon.signal(Signal::HUP);
    daemon.stderr.until("loaded the settings anew").await;
    daemon.stderr.until("the poll is").await;

    assert!(
        assert_processes_silent(&daemon, &canaries) > 3,
        "the private database's processes are looked at"
    );
    for path in ["/", "/metrics", "/readyz", "/healthz", "/nowhere"] {
        assert_silent(path, &ask(address, "GET", path).await.body, &canaries);
    }
    let url = lab.call(&["status", "--output", "json"]).ends_with(0).await;
    assert_silent("status", &(url.stdout + &url.stderr), &canaries);
    let postgres_log = fs::read_to_string(find(data.path(), "postgres.log")).unwrap();
    assert_silent("the server's log", &postgres_log, &canaries);
    let port = fs::read_to_string(find(data.path(), "postmaster.pid")).unwrap();
    let port = port.lines().nth(3).unwrap().to_owned();
    let rows = tables(&lab, &format!("postgres://lmp_billing:{password}@127.0.0.1:{port}/lmp_billing")).await;
    assert_silent("the tables", &rows, &canaries);

    daemon.signal(Signal::TERM);
    let ended = daemon.ended().await.with_code(0);
    assert!(ended.stderr.contains("TRACE"));
    assert_silent("the log", &(ended.stdout + &ended.stderr), &canaries);
    let heard = heard.await.unwrap();
    assert!(heard.contains("STATUS="), "{heard}");
    assert_silent("what the service manager is told", &heard, &canaries);
    let searched = assert_files_silent(data.path(), &canaries);
    assert!(searched > 10 << 20, "the pages and the log of the private database are among {searched} bytes");
}

/// No file below holds a secret, but the one that is there for it. Returns how many bytes were searched.
fn assert_files_silent(below: &Path, canaries: &[String]) -> usize {
    files(below)
        .into_iter()
        .filter(|file| file.file_name().is_some_and(|name| name != "password"))
        .map(|file| {
            let bytes = fs::read(&file).unwrap();
            // Not shown: it may be megabytes.
            let text = String::from_utf8_lossy(&bytes);
            let found = canaries.iter().find(|canary| text.contains(*canary));
            assert!(found.is_none(), "{found:?} is in {}", file.display());
            bytes.len()
        })
        .sum()
}

fn find(below: &Path, name: &str) -> PathBuf {
    let found = files(below).into_iter().find(|file| file.file_name().is_some_and(|found| found == name));
    found.unwrap_or_else(|| panic!("no {name} below {}", below.display()))
}

/// All files below a folder.
fn files(below: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![below.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}

#[tokio::test]
async fn a_panic_tells_no_secret() {
    let lab = crate::faults::moved::Moved::new(1, chrono::TimeDelta::zero()).await;
    lab.settings(NEVER);
    let gate = lmp_billing_sync::simulator::Gate::closed();
    lab.handle().push_fault(FaultRule::always(Fault::Hold(gate.clone())));
    // Not at trace level: with nobody reading meanwhile, lines would be lost, and perhaps this one.
    let mut daemon = lab.call(&["run"]).set("log.filter", "debug").env("RUST_BACKTRACE", "full").start();
    lab.handle().wait_for_requests(1).await;
    lab.machine.shift(chrono::TimeDelta::days(-60 * 366));
    gate.open();
    daemon.stderr.until("panicked").await;
    let ended = daemon.ended().await;
    assert!(ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert_silent("a panic", &(ended.stdout + &ended.stderr), &[token("emea"), SECRET_KEY.to_owned()]);
}
