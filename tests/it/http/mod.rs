//! The daemon's endpoints, asked as a browser, a probe and a scraper ask them.

mod dashboards;
mod health;
mod link;
mod metrics;
mod page;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lmp_billing_sync::clock::SystemClock;
use lmp_billing_sync::daemon::http::{HttpState, Metrics, Plan, router, serve};
use lmp_billing_sync::domain::Retention;
use lmp_billing_sync::schedule::CronSchedule;
use lmp_billing_sync::store::{Job, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::http::{Answer, ask};
use crate::support::lab::Lab;

/// Served endpoints that always look anew.
struct Site {
    addr: SocketAddr,
    state: HttpState,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    served: JoinHandle<()>,
    _guard: DropGuard,
}

fn plan(accounts: &[&str]) -> Plan {
    let schedule = |text| CronSchedule::parse(text, chrono_tz::UTC).expect("a schedule");
    Plan {
        accounts: accounts.iter().map(ToString::to_string).collect(),
        schedules: [
            (Job::Discover, schedule("0 3 1 * *")),
            (Job::Refresh, schedule("0 */4 * * *")),
            (Job::Reconcile, schedule("30 4 * * SUN")),
            (Job::Prune, schedule("0 5 * * *")),
        ]
        .into(),
        timezone: chrono_tz::UTC,
        retention: Retention { months: 24 },
    }
}

impl Site {
    async fn of(lab: &Lab) -> Self {
        Self::over(lab.store.clone()).await
    }

    async fn over(store: Store) -> Self {
        let metrics = Arc::new(Metrics::new());
        let state = HttpState::new(store, plan(&["emea"]), Arc::clone(&metrics), Arc::new(SystemClock))
            .keeping_for(Duration::ZERO);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port is to be had");
        let addr = listener.local_addr().expect("it has an address");
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(
            listener,
            watch::Sender::new(router(state.clone())).subscribe(),
            stop.clone(),
        ));
        Self { addr, state, metrics, _guard: stop.clone().drop_guard(), stop, served }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).await
    }

    async fn ask(&self, method: &str, path: &str) -> Answer {
        ask(self.addr, method, path).await
    }
}

/// What the daemon does at its first start: the jobs count from `ago` before now.
async fn count_from(lab: &Lab, ago: &str) {
    lab.execute(&format!(
        "insert into lmp_billing.schedule_baselines (account, job, counts_from)
         values ('emea', 'discover', now() - interval '{ago}'), ('emea', 'refresh', now() - interval '{ago}'),
                ('emea', 'reconcile', now() - interval '{ago}'), ('*', 'prune', now() - interval '{ago}')"
    ))
    .await;
}
