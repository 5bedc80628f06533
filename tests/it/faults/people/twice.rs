//! The same command twice.

use lmp_billing_sync::clock::{Clock as _, SystemClock};

use crate::cli::lab::CommandLab;

/// Everything of reports and their history, but nothing of the log.
const STORED: &str = "select h::text from lmp_billing.report_history h
                      union all select r::text from lmp_billing.reports r
                      union all select q::text from lmp_billing.quarantined_reports q order by 1";

#[tokio::test]
async fn the_same_command_twice_is_as_good_as_once() {
    let lab = CommandLab::new().await;
    // Else the world may go on in between.
    lab.handle().set_world_time(SystemClock.now());
    for args in [&["sync"] as &[&str], &["migrate"], &["prune"], &["prune", "--force"], &["sync"]] {
        lab.succeeds(args).await;
        let once = lab.texts(STORED).await;
        assert!(!once.is_empty() || args == ["migrate"]);
        lab.succeeds(args).await;
        assert_eq!(lab.texts(STORED).await, once, "{args:?}");
    }
    assert_eq!(lab.count("select count(*) from lmp_billing.superseded_versions").await, 0);
    assert_eq!(
        lab.texts("select distinct outcome from lmp_billing.cycle_polls order by 1").await,
        ["applied", "unchanged"]
    );
}
