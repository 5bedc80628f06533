//! `/healthz`: is it alive? `/readyz`: does it do its work?

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{HttpState, Plan};
use crate::store::{Store, StoreError};

/// Who asks wants to know soon; a database that takes longer is as good as gone.
const LIMIT: Duration = Duration::from_secs(3);

/// However often it is asked, the database is asked once in this time.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// Whether the daemon does its work.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Readiness {
    ready: bool,
    /// Why not, a sentence each.
    reasons: Vec<String>,
}

/// The process serves. It says nothing about the database, whose failure no restart of this process
/// would mend.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

impl Readiness {
    /// Why the daemon does not do its work; nothing is the best reason.
    pub(super) fn of(reasons: Vec<String>) -> Self {
        Self { ready: reasons.is_empty(), reasons }
    }
}

impl IntoResponse for &Readiness {
    fn into_response(self) -> Response {
        let status = if self.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        // Strings and a truth value always become JSON.
        let body = serde_json::to_string(self).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/json")], body + "\n").into_response()
    }
}

/// The database can be reached, its schema is the program's, and no job is overdue.
pub(super) async fn ready(State(state): State<HttpState>) -> Response {
    let kept_for = KEPT_FOR.min(state.0.kept_for);
    let plan = state.plan();
    let look = async |_: Option<&Readiness>| {
        let checked = match tokio::time::timeout(LIMIT, reasons(&state.0.store, &plan)).await {
            Ok(checked) => checked.map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "the database at {} does not answer within {} s",
                state.0.store.target(),
                LIMIT.as_secs()
            )),
        };
        state.0.readiness.notice("whether jobs are run in time", checked.as_ref().err());
        Readiness::of(checked.unwrap_or_else(|error| vec![error]))
    };
    state.0.readiness.get(kept_for, |_| true, look).await.into_response()
}

async fn reasons(store: &Store, plan: &Plan) -> Result<Vec<String>, StoreError> {
    if let Some(problem) = store.schema().await?.problem() {
        return Ok(vec![problem.to_string()]);
    }
    let (now, ticks) = store.tick_states(&plan.jobs()).await?;
    Ok(ticks.iter().filter_map(|tick| plan.complaint(tick, now)).collect())
}
