//! The daemon's endpoints: `/healthz`, `/readyz`, `/metrics` and `/`, the status page.
//!
//! They only look. However often and by however many they are asked, the database is asked once in a
//! few seconds (`sight`), each question has a limit in time, and a client that dawdles holds one of a
//! limited number of connections for a limited time (`serve`). Nothing here reads the settings: the
//! caller says what there is to show ([`Plan`]) and says so again when it changes.

mod headers;
mod health;
mod metrics;
mod page;
mod plan;
mod serve;
mod sight;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::IntoResponse as _;
use axum::routing::get;
use tokio::sync::watch;

pub use metrics::Metrics;
pub use plan::Plan;
pub use serve::serve;

use crate::clock::Clock;
use crate::store::Store;
use health::Readiness;
use sight::{Kept, Sight};

/// How long what was read from the database is shown.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// What the endpoints show; clones show the same.
#[derive(Clone)]
pub struct HttpState(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    plan: RwLock<Arc<Plan>>,
    sight: Kept<Sight>,
    readiness: Kept<Readiness>,
    kept_for: Duration,
}

impl HttpState {
    /// `clock` is the machine's: how far it and the database's are apart is shown.
    pub fn new(store: Store, plan: Plan, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        metrics.expect_accounts(&plan.accounts);
        metrics.started(clock.now());
        Self(Arc::new(Shared {
            store,
            clock,
            metrics,
            plan: RwLock::new(Arc::new(plan)),
            sight: Kept::default(),
            readiness: Kept::default(),
            kept_for: KEPT_FOR,
        }))
    }

    /// The same, but what was read from the database is shown for so long. Set it before cloning; a
    /// state that is shared already stays as it is.
    #[must_use]
    pub fn keeping_for(mut self, kept_for: Duration) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.kept_for = kept_for;
        }
        self
    }

    /// From now on shows this: the settings have been reloaded.
    pub fn replace_plan(&self, plan: Plan) {
        self.0.metrics.expect_accounts(&plan.accounts);
        *self.0.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.0.plan.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for HttpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpState").field("plan", &self.plan()).finish_non_exhaustive()
    }
}

/// What is served until there is a database: that the daemon is alive, and what it waits for.
pub fn waiting(trouble: watch::Receiver<String>) -> Router {
    let why = move || format!("waiting for the database: {}", *trouble.borrow());
    let ready = {
        let why = why.clone();
        async move || Readiness::of(vec![why()]).into_response()
    };
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(ready))
        .fallback(async move || (StatusCode::SERVICE_UNAVAILABLE, why() + "\n"))
        .layer(map_response(headers::protect))
}

/// Everything that is served.
pub fn router(state: HttpState) -> Router {
    Router::new()
        .route("/", get(page::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .fallback(async || (StatusCode::NOT_FOUND, "There are /, /healthz, /readyz and /metrics.\n"))
        .layer(map_response(headers::protect))
        .with_state(state)
}
