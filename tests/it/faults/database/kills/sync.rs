//! `sync`, killed.

use lmp_billing_sync::domain::Cycle;

use super::strikes::Strikes;
use super::{Fate, kill, let_leases_run_out, running};
use crate::cli::lab::{CommandLab, months_ago, token};
use crate::cli::process::Call;
use crate::faults::database::story::Story;
use crate::faults::database::{check, rounds};
use crate::support::pg_proxy::PgProxy;

/// The program, its database and what is told to it.
struct Stage {
    lab: CommandLab,
    proxy: PgProxy,
    story: Story,
    fresh: Vec<Cycle>,
}

impl Stage {
    async fn new(seed: u64) -> Self {
        let lab = CommandLab::new().await;
        let proxy = PgProxy::before(lab.db.url()).await;
        // Well within the window, whatever happens at midnight.
        Self { lab, proxy, story: Story::new(seed), fresh: (1..=20).map(months_ago).collect() }
    }

    fn next_chapter(&mut self, begin: bool) {
        let new = if begin || self.story.cycles().is_empty() { self.fresh.pop() } else { None };
        for (cycle, entries) in self.story.next(new) {
            self.lab.handle().replace_entries(&token("emea"), cycle, entries);
        }
    }

    fn sync(&self) -> Call {
        let cycles: Vec<String> = self.story.cycles().iter().map(Cycle::to_string).collect();
        let mut args = vec!["sync", "--output", "json"];
        for cycle in &cycles {
            args.extend(["--cycle", cycle]);
        }
        self.lab.call(&args).set("database.url", &self.proxy.url(self.lab.db.url())).quiet()
    }
}

#[tokio::test]
async fn a_killed_sync_loses_invents_and_doubles_nothing_and_the_next_one_converges() {
    let (seed, wanted) = (rounds::seed(), rounds::share(190));
    let mut strikes = Strikes::new(seed);
    let (mut killed, mut escaped) = (0, 0);
    let mut stage = Stage::new(seed).await;
    while strikes.more(killed, wanted) {
        let round = killed + escaped;
        if stage.fresh.is_empty() {
            stage = Stage::new(seed.wrapping_add(round as u64)).await;
        }
        stage.next_chapter(round % 2 == 0);
        let pool = stage.lab.pool();
        // Now and then the one that is killed has to do with what the last one left, when it is known to be
        // dead.
        if round % 3 == 2 {
            let_leases_run_out(pool).await;
        }
        let moment = strikes.next();
        let place = format!("round {round}, {moment:?}");
        let fate = kill(stage.sync(), &stage.proxy, &moment).await;
        check::invariants(pool, &format!("{place}, right after")).await;
        strikes.struck(&moment, matches!(fate, Fate::Killed));
        match fate {
            Fate::Killed => killed += 1,
            Fate::Escaped(ended) => {
                // Then it has done all of it.
                check::acknowledged(pool, &ended.with_code(0).json(), &place).await;
                check::tells(pool, &stage.story, &place).await;
                escaped += 1;
                assert!(escaped < 100 + wanted, "it is hardly ever killed");
            }
        }
        // Mostly the next one comes at once, and has to do with what the dead one left.
        let after_a_while = round % 3 == 0;
        if after_a_while {
            let_leases_run_out(pool).await;
        }
        stage.proxy.forget();
        strikes.begin();
        let ended = stage.sync().ends_with(0).await;
        strikes.learn(&stage.proxy.passed());
        check::acknowledged(pool, &ended.json(), &place).await;
        check::tells(pool, &stage.story, &place).await;
        if after_a_while {
            assert_eq!(running(pool).await, 0, "{place}: a dead run is taken for alive");
        }
    }
    let points = strikes.all_struck();
    println!("{killed} kills of sync: at {points} points, {} at random; {escaped} escaped", strikes.random);
}
