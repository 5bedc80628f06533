//! The daemon's endpoints, asked as a browser, a probe and a scraper ask them.

mod health;
mod link;
mod metrics;
mod page;
mod server;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lmp_billing_sync::clock::SystemClock;
use lmp_billing_sync::daemon::http::{HttpState, Metrics, Plan, router, serve};
use lmp_billing_sync::domain::Retention;
use lmp_billing_sync::schedule::CronSchedule;
use lmp_billing_sync::store::{Job, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

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

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
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
        let served = tokio::spawn(serve(listener, router(state.clone()), stop.clone()));
        Self { addr, state, metrics, _guard: stop.clone().drop_guard(), stop, served }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).await
    }

    async fn ask(&self, method: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.addr).await.expect("it takes connections");
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it takes requests");
        let mut answer = String::new();
        // It hangs up after each answer, so the end is the end.
        stream.read_to_string(&mut answer).await.expect("it answers in UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        let headers = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status: status.parse().expect("a status"),
            headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
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
