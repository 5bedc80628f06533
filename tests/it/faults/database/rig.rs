//! The library in this process, its database behind a proxy.

use std::collections::BTreeMap;

use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::store::{RunOutcome, Store};
use sqlx::postgres::PgPool;

use super::check;
use super::story::Story;
use crate::support::lab::Lab;
use crate::support::pg_proxy::PgProxy;

/// A laboratory whose store goes through a proxy, and a story to tell.
pub(super) struct Rig {
    pub(super) lab: Lab,
    pub(super) proxy: PgProxy,
    pub(super) story: Story,
    /// Cycles that have not been in the story.
    fresh: Vec<Cycle>,
}

impl Rig {
    pub(super) async fn new(seed: u64) -> Self {
        let lab = Lab::new().await;
        let url = lab.db.url().to_owned();
        Self::on(lab, &url, seed).await
    }

    /// On another database than the laboratory's own.
    pub(super) async fn on(mut lab: Lab, url: &str, seed: u64) -> Self {
        let proxy = PgProxy::before(url).await;
        let through = proxy.url(url);
        lab.store = Store::connect(&through.as_str().into(), 5).await.expect("the proxy lets pass");
        let fresh = fresh_cycles(&lab).await;
        Self { lab, proxy, story: Story::new(seed), fresh }
    }

    /// Serves the next chapter; now and then a cycle begins.
    pub(super) fn next_chapter(&mut self, begin: bool) -> Vec<Cycle> {
        let new = if begin { self.fresh.pop() } else { None };
        let served = self.story.next(new);
        serve(&self.lab, &served);
        self.story.cycles().to_vec()
    }

    /// Syncs through whatever happens, and compares everything stored with the story.
    pub(super) async fn converges(&self, pool: &PgPool, cycles: &[Cycle], where_we_are: &str) {
        let ended = self.lab.sync(cycles).await;
        assert_eq!(ended.run.outcome, RunOutcome::Succeeded, "{where_we_are}: {:#?}", ended.polls);
        check::tells(pool, &self.story, where_we_are).await;
    }
}

fn serve(lab: &Lab, served: &BTreeMap<Cycle, Vec<String>>) {
    for (cycle, entries) in served {
        lab.serve_entries(*cycle, entries);
    }
}

async fn fresh_cycles(lab: &Lab) -> Vec<Cycle> {
    let current = lab.window().await.current();
    // Well within the window, whatever happens at midnight.
    (1..=20).map(|back| current.back(back)).collect()
}
