//! Diffing: an answer beside what is stored of its cycle, in a real PostgreSQL.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use criterion::{Criterion, Throughput};
use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::store::{Guard, Job, NewRun, Outcome, PollRow, RunOutcome, Sent, Store, Trigger};
use sqlx::Executor as _;
use tokio::runtime::Runtime;

use crate::answers::{CHANGED, ENTRIES, Listed};
use crate::database::Server;

/// What is polled again and again.
struct Case {
    /// Also the account, so that no case sees another's reports.
    name: &'static str,
    /// The answers, in turn. The last leaves stored what was stored before the first.
    answers: Vec<Arc<Listed>>,
    /// What each comes to.
    expected: Counts,
    /// Whether that takes the staging table.
    is_staged: bool,
}

/// What a poll came to.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    outcome: Outcome,
    reports_seen: i32,
    inserted: i32,
    updated: i32,
    withdrawn: i32,
    quarantined: i32,
}

pub(crate) fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("the runtime can be built");
    let cycle: Cycle = "2026-08".parse().expect("a cycle");
    // Started by the first case that is wanted: the command line may want none.
    let mut server = None;
    let mut group = criterion.benchmark_group("diffing");
    // A hundred, criterion's own choice, take longer than the time it allows itself.
    group.throughput(Throughput::Elements(ENTRIES.into())).sample_size(50);
    for case in cases(cycle) {
        let mut stored = None;
        group.bench_function(case.name, |bencher| {
            let server = server.get_or_insert_with(|| runtime.block_on(Server::start()).unwrap());
            let stored =
                stored.get_or_insert_with(|| runtime.block_on(Stored::new(server, &case, cycle)).unwrap());
            bencher.iter_custom(|polls| runtime.block_on(stored.poll(polls)).unwrap());
        });
        if let Some(stored) = stored {
            runtime.block_on(stored.finish()).unwrap();
        }
    }
    group.finish();
    if let Some(server) = server {
        runtime.block_on(server.stop());
    }
}

fn cases(cycle: Cycle) -> [Case; 3] {
    let first = Arc::new(Listed::first(cycle));
    let unchanged = Counts {
        outcome: Outcome::Unchanged,
        reports_seen: ENTRIES.into(),
        inserted: 0,
        updated: 0,
        withdrawn: 0,
        quarantined: 0,
    };
    [
        Case {
            name: "unchanged",
            answers: vec![Arc::clone(&first)],
            expected: Counts { ..unchanged },
            is_staged: false,
        },
        Case {
            name: "one_bad_entry",
            answers: vec![Arc::new(Listed::one_bad(cycle))],
            expected: Counts { reports_seen: i32::from(ENTRIES) - 1, quarantined: 1, ..unchanged },
            is_staged: true,
        },
        Case {
            name: "changed_5_percent",
            answers: vec![Arc::new(Listed::changed(cycle)), first],
            expected: Counts { outcome: Outcome::Applied, updated: CHANGED.into(), ..unchanged },
            is_staged: true,
        },
    ]
}

/// A cycle whose reports are stored, and the case it is there for.
struct Stored<'a> {
    case: &'a Case,
    cycle: Cycle,
    store: Store,
    run: i64,
    polls: usize,
}

impl<'a> Stored<'a> {
    async fn new(server: &Server, case: &'a Case, cycle: Cycle) -> Result<Self> {
        let store = server.store().await?;
        let new = NewRun { job: Job::Manual, trigger: Trigger::Cli, account: case.name, instance: "bench" };
        let run = store.start_run(new).await?.id;
        let mut stored = Self { case, cycle, store, run, polls: 0 };
        let (row, _) = stored.apply(Arc::new(Listed::first(cycle))).await?;
        assert_eq!(row.inserted, i32::from(ENTRIES), "{row:?}");
        stored.store.pool().execute("vacuum (analyze) lmp_billing.reports").await?;
        // The first time the staging table is made, and the bad entry kept.
        stored.poll(case.answers.len().try_into()?).await?;
        Ok(stored)
    }

    /// Polls so many times; returns how long applying the answers took.
    async fn poll(&mut self, polls: u64) -> Result<Duration> {
        let mut all = Duration::ZERO;
        for _ in 0..polls {
            let answer = &self.case.answers[self.polls % self.case.answers.len()];
            self.polls += 1;
            let (row, took) = self.apply(Arc::clone(answer)).await?;
            assert_eq!(Counts::of(&row), self.case.expected, "{row:?}");
            all += took;
            // What a poll leaves behind must not be the next one's burden.
            self.store.pool().execute("vacuum lmp_billing.reports").await?;
        }
        Ok(all)
    }

    async fn apply(&self, answer: Arc<Listed>) -> Result<(PollRow, Duration)> {
        let guard = Guard {
            cutoff: "2000-01-01".parse()?,
            is_edge: false,
            max_withdrawn_fraction: 0.5,
            believe_after: Duration::from_hours(24),
            accept_withdrawals: false,
        };
        let sent = Sent { http_status: Some(200), attempts: 1, ..Sent::default() };
        // A poll that was applied is only looked up: each needs a number of its own.
        let poll = self.store.draw_poll(self.run, self.case.name, self.cycle).await?;
        let began = Instant::now();
        let row = self.store.apply_poll(&poll, &sent, &guard, answer).await?;
        Ok((row, began.elapsed()))
    }

    /// Fails unless the answers took the way they are there to measure, and wrote what they should.
    async fn finish(self) -> Result<()> {
        // The staging table stays with its connection, and all polls had the same.
        let is_staged: bool = sqlx::query_scalar("select to_regclass('pg_temp.lmp_stage') is not null")
            .fetch_one(self.store.pool())
            .await?;
        assert_eq!(is_staged, self.case.is_staged, "{}", self.case.name);
        let (versions, quarantined): (i64, i64) = sqlx::query_as(
            "select (select count(*) from lmp_billing.superseded_versions where account = $1),
                    (select count(*) from lmp_billing.quarantined_reports where account = $1)",
        )
        .bind(self.case.name)
        .fetch_one(self.store.pool())
        .await?;
        assert_eq!(versions, i64::from(self.case.expected.updated) * i64::try_from(self.polls)?);
        assert_eq!(quarantined, i64::from(self.case.expected.quarantined), "a bad entry is kept once");
        self.store.finish_run(self.run, RunOutcome::Succeeded, None).await?;
        self.store.close().await;
        Ok(())
    }
}

impl Counts {
    fn of(row: &PollRow) -> Self {
        Self {
            outcome: row.outcome,
            reports_seen: row.reports_seen,
            inserted: row.inserted,
            updated: row.updated,
            withdrawn: row.withdrawn,
            quarantined: row.quarantined,
        }
    }
}
