//! Twenty times the primary is lost while daemons and commands work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use lmp_billing_sync::clock::{Clock as _, SystemClock};
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::ledger::{Said, kind};
use super::strike::Strike;
use super::{Cluster, Commits, log};
use crate::checker::{self, Expectations, Violation};
use crate::cli::lab::{CommandLab, months_ago, token};
use crate::cli::process::{Ended, Running};
use crate::faults::database::rounds;
use crate::faults::database::server::pool;
use crate::faults::database::story::Story;
use crate::support::wait::{until, until_async};

const DAEMONS: usize = 3;
const ACCOUNTS: [&str; 3] = ["amer", "apac", "emea"];

/// Something is always due.
const SETTINGS: &str = "[log]\nformat = 'json'\nfilter = 'info,lmp_billing_sync=debug'\n[http]\nlisten = ''\n[schedule]\n\
    discover = '*/3 * * * * *'\nrefresh = '*/2 * * * * *'\nreconcile = '*/20 * * * * *'\nprune = '*/15 * * * * *'\n";

#[tokio::test]
#[ignore = "needs root, Patroni, etcd and HAProxy, and a quarter of an hour: make cluster-trial"]
async fn daemons_outlive_every_loss_of_a_primary_and_what_was_acknowledged_is_there() {
    let rounds =
        std::env::var("CLUSTER_ROUNDS").map_or(20, |rounds| rounds.parse().expect("a number of rounds"));
    let commits = match std::env::var("CLUSTER_COMMITS").as_deref() {
        Ok("asynchronous") => Commits::Asynchronous,
        Ok("synchronous") | Err(_) => Commits::Synchronous,
        Ok(other) => panic!("CLUSTER_COMMITS is {other:?}"),
    };
    let seed = rounds::seed();
    let mut trial = Trial::begin(Cluster::start(commits).await, seed).await;
    println!("{commits:?}: {DAEMONS} daemons, {} accounts", ACCOUNTS.len());
    for round in 0..rounds {
        trial.round(round).await;
    }
    trial.end().await;
}

struct Trial {
    cluster: Cluster,
    lab: CommandLab,
    daemons: Vec<Running>,
    said: Said,
    stories: BTreeMap<&'static str, Story>,
    dice: fastrand::Rng,
    /// What commands have printed, and how they ended.
    printed: Vec<Value>,
    ended: BTreeMap<String, usize>,
    /// What is missing, where commits do not wait for a standby.
    missing: BTreeMap<String, BTreeSet<String>>,
}

impl Trial {
    async fn begin(cluster: Cluster, seed: u64) -> Self {
        let lab = CommandLab::with_accounts(&ACCOUNTS).await;
        let accounts: String = ACCOUNTS.iter().map(|account| lab.account(account)).collect();
        let url = cluster.daemons_url();
        lab.write_settings(&format!(
            "[database]\nurl = '{url}'\n[sync]\nmax_attempts = 1\n{SETTINGS}{accounts}"
        ));
        let mut stories = BTreeMap::new();
        for (number, account) in ACCOUNTS.into_iter().enumerate() {
            for back in 0..=24 {
                lab.handle().replace_entries(&token(account), months_ago(back), Vec::new());
            }
            stories.insert(account, Story::new(seed.wrapping_add(number as u64)));
        }
        lab.succeeds(&["migrate"]).await;
        let logs: Vec<_> = (0..DAEMONS).map(|number| log(&format!("daemon{number}"))).collect();
        let start = |log| lab.call(&["run"]).stderr(File::create(log).expect("a log can be made")).start();
        let daemons = logs.iter().map(start).collect();
        let mut trial = Self {
            cluster,
            daemons,
            said: Said::new(logs),
            stories,
            dice: fastrand::Rng::with_seed(seed),
            printed: Vec::new(),
            ended: BTreeMap::new(),
            missing: BTreeMap::new(),
            lab,
        };
        // The cycles that a refresh asks for whatever is in them.
        for back in [2, 1, 0] {
            trial.next_chapter(Some(back));
            trial.converges(&format!("{back} months ago")).await;
        }
        trial
    }

    fn next_chapter(&mut self, new: Option<u32>) {
        for (account, story) in &mut self.stories {
            for (cycle, entries) in story.next(new.map(months_ago)) {
                self.lab.handle().replace_entries(&token(account), cycle, entries);
            }
        }
    }

    async fn round(&mut self, round: usize) {
        let strike = Strike::of_round(round);
        let what = format!("round {round}, {strike:?}");
        let primary = self.cluster.healthy(&what).await;
        // Some changes are known to the old primary, some come while there is none, some to the new one.
        let (before, polls) = (self.dice.bool(), self.dice.u64(1..30));
        if before {
            self.next_chapter(None);
        }
        let from = self.lab.handle().received();
        until("polls are under way", || self.lab.handle().received() >= from + polls).await;
        let cycle = months_ago(self.dice.u32(0..3)).to_string();
        let command = self.lab.call(&["sync", "--cycle", &cycle, "--output", "json"]);
        let command = tokio::spawn(command.ended());
        println!("{}: {what}", SystemClock.now());
        strike.begin(&mut self.cluster, primary, &what).await;
        if !before {
            self.next_chapter(None);
        }
        self.cluster.taken_over_from(primary, &what).await;
        strike.mend(&mut self.cluster, primary);
        self.cluster.healthy(&what).await;
        self.note_command(&command.await.expect("it is waited for"), &what);
        self.converges(&what).await;
        self.check(&self.cluster.daemons_url(), &what).await;
        println!("{}: {what}: converged", SystemClock.now());
    }

    /// A command may fail for want of a database; it says so, and what it has printed holds.
    fn note_command(&mut self, ended: &Ended, what: &str) {
        assert!([Some(0), Some(1)].contains(&ended.code), "{what}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{what}: {}", ended.stderr);
        let last_words = ended.stderr.lines().last().filter(|_| ended.code == Some(1)).unwrap_or_default();
        *self.ended.entry(format!("{:?} {}", ended.code, kind(last_words))).or_default() += 1;
        if !ended.stdout.is_empty() {
            self.printed.push(ended.json());
        }
    }

    /// Waits until the daemons have stored what LMP lists now; with all versions, where none may be lost.
    async fn converges(&mut self, what: &str) {
        let mut last = String::new();
        let converged = async || {
            last = match self.differences().await {
                Ok(differences) => differences,
                Err(error) => error.to_string(),
            };
            last.is_empty()
        };
        let told = format!("{what}: the daemons converge");
        let waited = tokio::time::timeout(std::time::Duration::from_secs(170), until_async(&told, converged));
        assert!(waited.await.is_ok(), "{told}: {last}");
        if self.cluster.commits == Commits::Asynchronous {
            self.note_lost_versions(what).await;
        }
    }

    async fn differences(&self) -> sqlx::Result<String> {
        let mut connection = PgConnection::connect(&self.cluster.daemons_url()).await?;
        let mut differences = Vec::new();
        for (account, story) in &self.stories {
            let stored = versions(&mut connection, account).await?;
            let told: BTreeSet<String> = story.versions().into_iter().collect();
            let (stored, told) = match self.cluster.commits {
                Commits::Synchronous => (stored, told),
                Commits::Asynchronous => (listed(&stored), listed(&told)),
            };
            differences.extend(told.difference(&stored).map(|line| format!("{account} lost {line}")));
            differences.extend(stored.difference(&told).map(|line| format!("{account} invented {line}")));
        }
        Ok(differences.join("\n"))
    }

    /// Versions that were told and are not there: each was listed until the next chapter, and was stored if a
    /// poll came in between.
    async fn note_lost_versions(&mut self, what: &str) {
        let mut short = Vec::new();
        until_async(&format!("{what}: versions can be counted"), async || {
            let counted = self.short_of().await;
            counted.map(|counted| short = counted).is_ok()
        })
        .await;
        for (account, short) in short.into_iter().filter(|(_, short)| *short > 0) {
            let lost = self.missing.entry("versions".to_owned()).or_default();
            lost.insert(format!("{what}: {account} is short of {short}"));
        }
    }

    async fn short_of(&self) -> sqlx::Result<Vec<(&'static str, usize)>> {
        let mut connection = PgConnection::connect(&self.cluster.daemons_url()).await?;
        let mut short = Vec::new();
        for (account, story) in &self.stories {
            let stored = versions(&mut connection, account).await?.len();
            short.push((*account, story.versions().len().saturating_sub(stored)));
        }
        Ok(short)
    }

    /// The checker's whole say. The way to the database may break once more.
    async fn check(&mut self, url: &str, what: &str) {
        let said = self.said.runs();
        let mut expected = Expectations::default().acknowledged(&said);
        for printed in &self.printed {
            expected = expected.acknowledged(printed);
        }
        let mut found = Vec::new();
        until_async(&format!("{what}: the database can be checked"), async || {
            let checked = checked(url, expected.clone(), &self.lab).await;
            checked.map(|violations| found = violations).is_ok()
        })
        .await;
        let mut wrong = Vec::new();
        for violation in found {
            let may_be = self.cluster.commits == Commits::Asynchronous
                && ["lost_run", "lost_poll"].contains(&violation.rule.as_str());
            if may_be {
                self.missing.entry(violation.rule).or_default().insert(violation.detail);
            } else {
                wrong.push(format!("{}: {}", violation.rule, violation.detail));
            }
        }
        assert!(wrong.is_empty(), "{what}: {} violations:\n{}", wrong.len(), wrong.join("\n"));
    }

    async fn end(mut self) {
        for daemon in std::mem::take(&mut self.daemons) {
            daemon.stops().await;
        }
        self.cluster.healthy("at the end").await;
        self.check(&self.cluster.daemons_url(), "at the end").await;
        let primary = self.cluster.primary().await;
        let written: String =
            sqlx::query_scalar("select pg_current_wal_lsn()::text").fetch_one(&primary).await.unwrap();
        let standby = pool(&self.cluster.standbys_url()).await;
        until_async("a standby has everything", async || {
            sqlx::query_scalar("select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= $1::pg_lsn")
                .bind(&written)
                .fetch_one(&standby)
                .await
                .unwrap_or(false)
        })
        .await;
        self.check(&self.cluster.standbys_url(), "on a standby").await;
        let told = self.said.runs();
        println!("runs that daemons acknowledged: {}", told["runs"].as_array().map_or(0, Vec::len));
        println!("ends of commands: {:#?}", self.ended);
        println!("numbers of runs told twice: {:?}", self.said.doubled);
        println!("requests that LMP received: {}", self.lab.handle().received());
        for (rule, missing) in &self.missing {
            println!("missing, {rule}: {}", missing.len());
            missing.iter().take(5).for_each(|detail| println!("    {detail}"));
        }
        println!("warnings and errors of the daemons:");
        let mut warned: Vec<_> = self.said.warned.iter().collect();
        warned.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (kind, count) in warned {
            println!("{count:6} {kind}");
        }
        if self.cluster.commits == Commits::Synchronous {
            assert!(self.said.doubled.is_empty(), "{:?}", self.said.doubled);
        }
    }
}

/// One moment of a database at work. What was served is asked for afterwards, so that all of it is known.
async fn checked(url: &str, expected: Expectations, lab: &CommandLab) -> sqlx::Result<Vec<Violation>> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute("begin isolation level repeatable read read only").await?;
    connection.execute("select count(*) from lmp_billing.reports").await?;
    let tokens: Vec<String> = ACCOUNTS.iter().map(|account| token(account)).collect();
    let expected = expected.served(&lab.handle(), tokens.iter().map(String::as_str).zip(ACCOUNTS));
    checker::check(&mut connection, &expected).await
}

async fn versions(connection: &mut PgConnection, account: &str) -> sqlx::Result<BTreeSet<String>> {
    let lines: Vec<String> = sqlx::query_scalar(
        "select concat_ws('|', id, version, cycle, partner_company_name, status,
                          case when valid_to is null then 'true' else 'false' end)
         from lmp_billing.report_history where account = $1",
    )
    .bind(account)
    .fetch_all(connection)
    .await?;
    Ok(lines.into_iter().collect())
}

/// Those that are listed, without their numbers.
fn listed(versions: &BTreeSet<String>) -> BTreeSet<String> {
    let without_number = |line: &String| {
        let (id, rest) = line.split_once('|')?;
        Some(format!("{id}|{}", rest.split_once('|')?.1))
    };
    versions.iter().filter(|line| line.ends_with("|true")).filter_map(without_number).collect()
}
