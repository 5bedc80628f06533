//! The daemon's endpoints tell what the daemon itself has done.

use super::{NEVER, settings};
use crate::cli::lab::CommandLab;
use crate::support::http::ask;

#[tokio::test]
async fn readiness_metrics_and_page_follow_the_first_sync() {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER).replace("listen = ''", "listen = '127.0.0.1:0'"));
    let mut daemon = lab.call(&["run"]).start();
    let address = daemon.address().await;
    daemon.stderr.until("reconcile succeeded").await;

    let ready = ask(address, "GET", "/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    let metrics = ask(address, "GET", "/metrics").await.body;
    for line in [
        "lmp_billing_sync_upstream_request_duration_seconds_count{account=\"emea\"} 25",
        "lmp_billing_sync_runs_total{job_name=\"reconcile\",outcome=\"succeeded\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing:\n{metrics}");
    }
    let page = ask(address, "GET", "/").await.body;
    assert!(page.contains("The figures can be trusted"), "{page}");
    daemon.stops().await;
}
