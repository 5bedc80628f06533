//! Very many entries: memory stays as it is.

use std::fmt::Write as _;

use lmp_billing_sync::domain::Cycle;

use crate::cli::lab::{CommandLab, months_ago};
use crate::cli::process::Ended;
use crate::faults::http::upstream::{Act, Upstream, ok};
use crate::faults::peak;
use crate::support::lab::id;

/// Some 27 MiB of it the unoptimised program takes by itself.
const BOUND_KIB: u64 = 64 << 10;

/// In CI fewer than a million, for which the unoptimised program takes minutes; but so many that their text,
/// held in memory, would be more than is allowed.
/// `FAULTS_ENTRIES=1000000 cargo test --test it -- payload::many` takes them all.
fn entries() -> u32 {
    let wanted = std::env::var("FAULTS_ENTRIES").ok();
    wanted.map_or(60_000, |number| number.parse().expect("FAULTS_ENTRIES is a number"))
}

/// Reports numbered from `first_number`.
fn answer(first_number: u32, count: u32, cycle: Cycle, status: &str) -> Vec<u8> {
    let mut body = String::with_capacity(count as usize * 220);
    body.push_str(r#"{"reports":["#);
    let (first, last) = (cycle.first_day().to_string(), cycle.last_day().to_string());
    for number in first_number..first_number + count {
        let (comma, id) = (if number > first_number { "," } else { "" }, id(number));
        let _ = write!(
            body,
            r#"{comma}{{"id":"{id}","partner_company_name":"Partner {number} Größe & Søn","start_date":"{first}","end_date":"{last}","status":"{status}","under_review_status":null}}"#,
        );
    }
    body.push_str("]}");
    ok(&body)
}

async fn sync(lab: &CommandLab, cycle: Cycle, reports: (u32, u32), status: &str) -> (Ended, u64) {
    let (first, count) = reports;
    let upstream = Upstream::always(vec![Act::Send(answer(first, count, cycle, status))]).await;
    let call = lab.call(&["sync", "--cycle", &cycle.to_string()]);
    let (ended, peak) = peak::of(call.set("accounts.emea.base_url", &upstream.base_url())).await;
    println!("{count} entries, {status}: {peak} KiB");
    (ended.with_code(0), peak)
}

#[tokio::test]
async fn an_answer_of_very_many_entries_is_read_in_the_memory_of_a_few() {
    let lab = CommandLab::new().await;
    let (few, many) = (months_ago(2), months_ago(1));
    let (_, little) = sync(&lab, few, (1, 100), "Approved").await;
    let count = entries();
    // Copied in, found the same, and changed: the three ways an answer can take.
    for (status, said) in [
        ("Approved", format!("{count} new, 0 changed")),
        ("APPROVED", "nothing changed, nothing written".to_owned()),
        ("Completed", format!("0 new, {count} changed")),
    ] {
        let (ended, peak) = sync(&lab, many, (1000, count), status).await;
        ended.says(&[&said]);
        assert!(peak < BOUND_KIB, "{count} entries took {peak} KiB");
        // Eight bytes of each id, thrice while the list grows, and buffers that are full now.
        let allowed = little + u64::from(count) * 24 / 1024 + (6 << 10);
        assert!(peak < allowed, "{count} entries took {peak} KiB, a hundred {little}");
    }
    let stored = "select count(*) from lmp_billing.reports where status = 'Completed' and version = 2";
    assert_eq!(lab.count(stored).await, i64::from(count));
    assert_eq!(lab.count("select count(*) from lmp_billing.superseded_versions").await, i64::from(count));
}
