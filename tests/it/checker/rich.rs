//! A database with a rich past, made by the real program: something of everything the checker looks at.

use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::simulator::{Fault, FaultRule, SimReport};
use lmp_billing_sync::store::{Claim, Job, NewRun, Outcome, RunOutcome, Sent, Store, Tick, Trigger};
use serde_json::{Value, json};

use super::{Expectations, Pruned};
use crate::cli::lab::{CommandLab, months_ago, report, token};

/// The laboratory, and all that the program acknowledged.
pub(super) struct Rich {
    pub(super) lab: CommandLab,
    acknowledged: Vec<Value>,
}

impl Rich {
    /// Ten syncs of two accounts, in which reports change, move, leave and return.
    pub(super) async fn new() -> Self {
        let lab = CommandLab::with_accounts(&["emea", "apac"]).await;
        let mut rich = Self { lab, acknowledged: Vec::new() };
        let (cycle, later) = (months_ago(1), months_ago(0));
        rich.sync(&[], 0).await;

        let mut listed: Vec<SimReport> =
            (1..=12).map(|id| report(id, &format!("Partner {id}"), cycle, "Msp Preparing")).collect();
        rich.serves(cycle, &listed, 0).await;
        "Under Review".clone_into(&mut listed[0].status);
        listed[0].under_review_status = Some("Manually submitted by MSP".to_owned());
        "Partner 2 (renamed)".clone_into(&mut listed[1].partner_company_name);
        listed[2].extra = vec![("aggregator_name".to_owned(), json!({ "name": "Group", "share": 0.5 }))];
        "On Hold".clone_into(&mut listed[3].status);
        rich.serves(cycle, &listed, 0).await;
        rich.serves_spoilt(cycle, &listed).await;
        "Approved".clone_into(&mut listed[0].status);
        listed[0].under_review_status = None;
        "REJECTED".clone_into(&mut listed[1].status);
        "on hold".clone_into(&mut listed[3].status);
        let gone = listed.split_off(9);
        rich.serves(cycle, &listed, 0).await;
        "Completed".clone_into(&mut listed[0].status);
        listed.extend(gone[..2].iter().cloned());
        rich.serves(cycle, &listed, 0).await;
        // Completed and reopened; one report moves to the month after.
        "Under Review".clone_into(&mut listed[0].status);
        let mut moved = listed.remove(4);
        (moved.start_date, moved.end_date) = (later.first_day(), later.last_day());
        rich.serves(later, &[moved], 0).await;
        rich.serves(cycle, &listed, 0).await;
        // An empty answer, an error page, and both good and bad at once.
        rich.serves(cycle, &[], 1).await;
        rich.lab.handle().push_fault(FaultRule::once(Fault::Html).on_cycle(cycle));
        rich.sync(&[cycle, later], 1).await;
        rich.serves(cycle, &listed, 0).await;
        rich.withdraws_all(months_ago(3)).await;
        rich.logs().await;
        rich
    }

    async fn serves(&mut self, cycle: Cycle, reports: &[SimReport], code: i32) {
        self.lab.serve(cycle, reports.to_vec());
        self.sync(&[cycle], code).await;
    }

    async fn serves_spoilt(&mut self, cycle: Cycle, reports: &[SimReport]) {
        let spoilt = Fault::BadEntries(lmp_billing_sync::simulator::BadEntry::ALL.to_vec());
        // For both accounts, each once.
        for account in ["emea", "apac"] {
            self.lab.handle().push_fault(FaultRule::once(spoilt.clone()).on_account(&token(account)));
        }
        self.serves(cycle, reports, 0).await;
    }

    async fn sync(&mut self, cycles: &[Cycle], code: i32) {
        let texts: Vec<String> = cycles.iter().map(Cycle::to_string).collect();
        let mut args = vec!["sync", "--output", "json"];
        args.extend(texts.iter().flat_map(|cycle| ["--cycle", cycle]));
        self.acknowledged.push(self.lab.call(&args).ends_with(code).await.json());
    }

    async fn withdraws_all(&mut self, cycle: Cycle) {
        self.lab.serve(cycle, Vec::new());
        let (text, args) = (cycle.to_string(), ["sync", "--output", "json", "--accept-withdrawals"]);
        let args = [&args[..], &["--account", "emea", "--cycle", &text]].concat();
        self.acknowledged.push(self.lab.succeeds(&args).await.json());
    }

    /// Ticks, an interrupted run, and one that still runs.
    async fn logs(&self) {
        let store = Store::connect(&self.lab.db.url().into(), 3).await.expect("the database is there");
        let now = store.now().await.expect("the database answers");
        let ticks = [
            (Job::Reconcile, None, Trigger::Startup, "emea"),
            (Job::Refresh, Some(now), Trigger::Schedule, "emea"),
            (Job::Refresh, Some(now), Trigger::CatchUp, "apac"),
        ];
        for (job, due_at, trigger, account) in ticks {
            let claim =
                store.claim(Tick { account, job, due_at, trigger }, "rich").await.expect("it can be claimed");
            let Claim::Ours(run) = claim else { panic!("nobody else is there: {claim:?}") };
            let poll = store.draw_poll(run.id, account, months_ago(1)).await.expect("a number");
            let (outcome, ended) = match job {
                Job::Refresh => (Outcome::Interrupted, RunOutcome::Interrupted),
                _ => (Outcome::Failed, RunOutcome::Failed),
            };
            store.record_poll(&poll, &Sent::default(), outcome, "told to stop").await.expect("it is logged");
            store.finish_run(run.id, ended, Some("1 of 1 polls; first")).await.expect("it ends");
        }
        let new = NewRun { job: Job::Manual, trigger: Trigger::Cli, account: "emea", instance: "rich" };
        store.start_run(new).await.expect("it starts");
        store.close().await;
    }

    /// What the checker may be told of it.
    pub(super) fn expectations(&self) -> Expectations {
        let accounts = ["emea", "apac"].map(|account| (token(account), account));
        let accounts = accounts.iter().map(|(token, account)| (token.as_str(), *account));
        let expected = Expectations { accepting: true, ..Expectations::default() };
        self.acknowledged.iter().fold(expected.served(&self.lab.handle(), accounts), |expected, output| {
            expected.acknowledged(output)
        })
    }

    /// The same after a prune that found nothing to do.
    pub(super) fn pruned(&self) -> Expectations {
        let expected = self.expectations();
        let today = months_ago(0).first_day();
        let day = expected.rules.cutoff(today);
        Expectations {
            pruned: Pruned::Just,
            cutoff: Some((day, day.and_time(chrono::NaiveTime::MIN).and_utc())),
            ..expected
        }
    }
}
