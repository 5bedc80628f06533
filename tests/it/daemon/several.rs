//! Five daemons on one database, some killed, frozen and revived: each tick is run once.

use rustix::process::Signal;

use super::{let_leases_run_out, settings, until_count};
use crate::cli::lab::CommandLab;
use crate::cli::process::Running;
use crate::support::wait::until_async;

const DAEMONS: usize = 5;
const ACCOUNTS: [&str; 3] = ["emea", "apac", "amer"];
const TICKS: &str = "select count(*) from lmp_billing.schedule_ticks where due_at > '-infinity'";
const OF_THE_DEAD: &str = "select count(*) from lmp_billing.sync_runs
                           where outcome = 'running' and lease_renewed_at < now() - interval '2 minutes'";
/// Rounds of mischief, and the ticks that pass between them.
const ROUNDS: i64 = 6;
const TICKS_PER_ROUND: i64 = 40;

/// Every second something of every account is due.
const BUSY: &str = "[schedule]\ndiscover = '* * * * * *'\nrefresh = '*/2 * * * * *'\nreconcile = '*/5 * * * * *'\nprune = '*/3 * * * * *'\n";

#[tokio::test]
async fn each_tick_is_run_exactly_once_while_daemons_die_freeze_and_come_back() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let lab = CommandLab::with_accounts(&ACCOUNTS).await;
    lab.write_settings(&settings(&lab, &ACCOUNTS, BUSY));
    let mut daemons: Vec<Running> = (0..DAEMONS).map(|_| lab.call(&["run"]).quiet().start()).collect();
    let (mut frozen, mut dead): (Option<usize>, Vec<i32>) = (None, Vec::new());
    until_count(&lab, "select count(*) from lmp_billing.schedule_baselines", 10).await;
    for round in 1..=ROUNDS {
        until_count(&lab, TICKS, round * TICKS_PER_ROUND).await;
        if let Some(index) = frozen.take() {
            // What it was at has been taken for dead meanwhile; it must not go on with it.
            let_leases_run_out(&lab, daemons[index].pid()).await;
            daemons[index].signal(Signal::CONT);
        }
        let index = dice.usize(0..DAEMONS);
        if round % 2 == 0 {
            daemons[index].signal(Signal::STOP);
            frozen = Some(index);
        } else {
            dead.push(daemons[index].pid());
            daemons[index].signal(Signal::KILL);
            daemons[index] = lab.call(&["run"]).quiet().start();
        }
        // Each time anew: the server may have taken a claim after who sent it was dead.
        for pid in &dead {
            let_leases_run_out(&lab, *pid).await;
        }
    }
    if let Some(index) = frozen {
        daemons[index].signal(Signal::CONT);
    }
    until_count(&lab, TICKS, (ROUNDS + 1) * TICKS_PER_ROUND).await;
    for pid in &dead {
        let_leases_run_out(&lab, *pid).await;
    }
    until_async("nobody's run is under way but the living's", async || lab.count(OF_THE_DEAD).await == 0)
        .await;
    for daemon in daemons {
        daemon.stops().await;
    }
    check(&lab).await;
}

async fn check(lab: &CommandLab) {
    for (what, query) in [
        ("a run belongs to two ticks", "select run_id::text from lmp_billing.schedule_ticks where run_id is not null group by 1 having count(*) > 1"),
        (
            "a run that nobody took over has no tick",
            "select r.id::text from lmp_billing.sync_runs r
             where r.outcome <> 'interrupted' and not exists (select from lmp_billing.schedule_ticks t where t.run_id = r.id)",
        ),
        (
            "two runs of one job overlap",
            "select concat_ws(' ', a.id, b.id) from lmp_billing.sync_runs a
             join lmp_billing.sync_runs b on b.account = a.account and b.job = a.job and b.id > a.id
             where a.outcome <> 'interrupted' and b.started_at < a.finished_at",
        ),
        ("a tick was claimed too often", "select due_at::text from lmp_billing.schedule_ticks where attempt > 3"),
        ("a tick was claimed before it was due", "select due_at::text from lmp_billing.schedule_ticks where claimed_at < due_at"),
        ("a run is still under way", "select id::text from lmp_billing.sync_runs where outcome = 'running' and lease_renewed_at > now() - interval '1 minute'"),
        ("a run failed", "select concat_ws(' ', id, error) from lmp_billing.sync_runs where outcome in ('failed', 'partial')"),
        (
            "a poll was written after its run had ended",
            "select p.id::text from lmp_billing.cycle_polls p join lmp_billing.sync_runs r on r.id = p.run_id
             where p.finished_at > r.finished_at",
        ),
        (
            "versions of a report have gaps",
            "select id::text from lmp_billing.report_history group by account, id having count(*) <> max(version)",
        ),
    ] {
        assert_eq!(lab.texts(query).await, [""; 0], "{what}");
    }
    let daemons = lab.count("select count(distinct claimed_by) from lmp_billing.schedule_ticks").await;
    assert!(daemons >= 3, "only {daemons} daemons took part");
    let taken_over =
        lab.count("select count(*) from lmp_billing.sync_runs where outcome = 'interrupted'").await;
    println!(
        "{} ticks, {} of them skipped, {} runs taken for dead, {daemons} daemons",
        lab.count(TICKS).await,
        lab.count("select count(*) from lmp_billing.schedule_ticks where run_id is null").await,
        taken_over
    );
}
