//! `/`, as it is read.

use lmp_billing_sync::domain::Cycle;
use lmp_billing_sync::simulator::{BadEntry, Fault, FaultRule};

use super::link::Link;
use super::{Site, count_from};
use crate::support::lab::{Lab, With as _, report, reports};

/// The page's text, as somebody reads it: without markup, spaces drawn together.
async fn read(site: &Site) -> String {
    let page = site.get("/").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let body = page.body.split_once("<body>").expect("a page has a body").1;
    let mut text = String::new();
    let mut inside = true;
    for character in body.chars() {
        match character {
            '<' => inside = false,
            '>' => {
                inside = true;
                text.push(' ');
            }
            _ if inside => text.push(character),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_reads(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

fn name_of(cycle: Cycle) -> String {
    cycle.first_day().format("%b %Y").to_string()
}

#[tokio::test]
async fn before_the_first_sync_it_says_that_there_is_nothing() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let text = read(&site).await;
    assert_reads(
        &text,
        &[
            "Nothing has been read from Trend Micro yet.",
            "No report is open: none is listed.",
            "No report has changed its status yet.",
            "not read yet",
        ],
    );
}

#[tokio::test]
async fn it_shows_the_right_figures_and_that_they_can_be_trusted() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    lab.sync_all().await;
    assert_reads(&read(&site).await, &["The figures can be trusted."]);

    let cycle = lab.cycle(20).await;
    let served = |status: &'static str, from, to| {
        (from..to).map(move |n| report(n, cycle).with(|r| r.status = status.to_owned()))
    };
    let all = served("Completed", 1, 1201)
        .chain(served("Approved", 1201, 1203))
        .chain(served("On Hold", 1203, 1206));
    lab.execute("delete from lmp_billing.reports").await;
    lab.serve(cycle, all);
    lab.poll(cycle).await;

    let page = site.get("/").await.body;
    let label = format!("{}: 1,200 completed, 2 approved, 3 other", name_of(cycle));
    assert!(page.contains(&format!("aria-label=\"{label}\"")), "{label}");
    let text = read(&site).await;
    assert_reads(
        &text,
        &[
            "The figures can be trusted.",
            "5 of 1,205 reports are open",
            "Trend Micro to complete the report 2 2 0 0 less than a minute",
            "Unknown in a status Trend Micro has added 3 3 0 0",
            &format!("{label} 99 % 1,205 1,200 2 0 0 0 3 just now"),
        ],
    );
}

#[tokio::test]
async fn it_tells_what_changed_lately_newest_first_and_what_was_reopened() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let cycle = lab.cycle(1).await;
    for statuses in
        [["Approved", "Msp Preparing"], ["Completed", "Msp Preparing"], ["Under Review", "Approved"]]
    {
        let all = (1..).zip(statuses).map(|(n, s)| report(n, cycle).with(|r| r.status = s.to_owned()));
        lab.serve(cycle, all);
        lab.poll(cycle).await;
    }
    let text = read(&site).await;
    let month = name_of(cycle);
    assert_reads(
        &text,
        &[
            &format!("Partner 1 {month} Completed → Under Review reopened emea"),
            &format!("Partner 2 {month} MSP Preparing → Approved emea"),
            &format!("Partner 1 {month} Approved → Completed emea"),
            "1 reopened report of the last 60 days",
            &format!("Partner 1 {month} Under Review"),
            "1 completed report has been reopened in the last 60 days",
        ],
    );
    let order = ["Completed → Under Review", "Approved → Completed"].map(|change| text.find(change));
    assert!(order[0] < order[1], "{text}");
}

#[tokio::test]
async fn reservations_are_told_at_the_top_and_explained_below() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let cycle = lab.cycle(1).await;
    lab.sync_all().await;
    lab.lmp().push_fault(FaultRule::once(Fault::BadEntries(vec![BadEntry::MaskedGuid])));
    lab.serve(cycle, reports(20, cycle));
    lab.poll(cycle).await;
    lab.serve(lab.cycle(2).await, []);
    let suspect = lab.poll(lab.cycle(2).await).await;
    assert_eq!(suspect.outcome.as_str(), "suspect");
    let text = read(&site).await;
    assert_reads(
        &text,
        &[
            "The figures are up to date, with reservations.",
            "emea : the last run (manual, just now) failed.",
            "The newest answer for 1 billing month is held back",
            "1 entry of the answers is set aside",
            "Answers held back",
            "--accept-withdrawals",
            "1 entry set aside : they cannot be reports",
            "invalid id",
        ],
    );
}

#[tokio::test]
async fn the_same_about_very_many_months_is_folded() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    lab.sync_all().await;
    for cycle in lab.window().await.cycles() {
        lab.serve(cycle, []);
    }
    lab.sync_all().await;
    let suspect = "select count(*) from lmp_billing.cycle_polls where outcome = 'suspect'";
    let suspect: usize = lab.value(suspect).await.parse().unwrap();
    assert!(suspect > 7, "{suspect}");
    let text = read(&site).await;
    assert_reads(
        &text,
        &[
            &format!("The newest answer for {suspect} billing months is held back"),
            "Answers held back",
            &format!("{} more answers held back", suspect - 6),
        ],
    );
    assert!(text.matches("--accept-withdrawals").count() >= suspect, "none is left out");
}

#[tokio::test]
async fn figures_that_are_not_confirmed_when_they_should_be_are_out_of_date() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    lab.sync_all().await;
    lab.execute("update lmp_billing.cycle_polls set finished_at = finished_at - interval '6 hours'").await;
    let text = read(&site).await;
    assert_reads(
        &text,
        &[
            "The figures are out of date.",
            "were confirmed with Trend Micro within the last 6 h",
            "overdue for confirmation.",
            "was last confirmed 6 h ago.",
        ],
    );
}

#[tokio::test]
async fn without_the_database_it_shows_what_was_seen_last_and_says_so() {
    let lab = Lab::new().await;
    let (mut link, store) = Link::to(&lab).await;
    let site = Site::over(store).await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(7, cycle));
    lab.poll(cycle).await;
    assert_eq!(site.get("/").await.status, 200);
    link.cut().await;
    assert_eq!(site.get("/").await.status, 503);
    let text = read(&site).await;
    assert_reads(
        &text,
        &[
            "The figures are out of date.",
            "The database cannot be read now; what follows is of",
            "7 of 7 reports are open",
        ],
    );
}

#[tokio::test]
async fn a_database_that_was_never_seen_is_not_taken_for_an_empty_one() {
    let lab = Lab::new().await;
    let (mut link, store) = Link::to(&lab).await;
    let site = Site::over(store).await;
    link.cut().await;
    let text = read(&site).await;
    assert_reads(&text, &["There are no figures: the database cannot be read."]);
    assert!(!text.contains("Nothing has been read"), "{text}");
}

#[tokio::test]
async fn while_a_run_is_under_way_the_one_that_ended_last_is_judged() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    lab.sync_all().await;
    let runs = "insert into lmp_billing.sync_runs
                    (job, trigger, account, started_at, finished_at, outcome, error, instance, lease_renewed_at)
                select job, 'schedule', 'emea', now(), case outcome when 'running' then null else now() end,
                       outcome, error, 'test', now()
                from (values ('discover', 'failed', 'LMP was away'), ('refresh', 'succeeded', null),
                             ('refresh', 'running', null)) run (job, outcome, error)";
    lab.execute(runs).await;
    let text = read(&site).await;
    assert!(text.contains("The figures can be trusted.") && !text.contains("the last run ("), "{text}");
    lab.execute("update lmp_billing.sync_runs set outcome = 'failed' where job = 'refresh' and finished_at is not null").await;
    assert_reads(&read(&site).await, &["with reservations", "emea : the last run (refresh, ", ") failed."]);
}

#[tokio::test]
async fn hostile_names_are_shown_and_do_nothing() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let cycle = lab.cycle(1).await;
    let hostile = [
        "<script>alert(1)</script>".to_owned(),
        "\"><img src=x onerror=alert(1)>".to_owned(),
        "</table></style><h1>Paid</h1>".to_owned(),
        "\u{1b}[31mred\u{7}".to_owned(),
        "\u{202e}txt.exe".to_owned(),
        "שלום עולם".to_owned(),
        "🦊 ü\n\tß".to_owned(),
        "x".repeat(10_000),
        "&lt;b&gt;".to_owned(),
        "{{7*7}} ${7*7} %s".to_owned(),
    ];
    for status in ["Approved", "<b>Odd</b>\u{202e}"] {
        let all = (1..).zip(&hostile).map(|(n, name)| {
            report(n, cycle).with(|r| {
                r.partner_company_name.clone_from(name);
                r.status = status.to_owned();
                r.under_review_status = Some(format!("<i>{name}"));
            })
        });
        lab.serve(cycle, all);
        lab.poll(cycle).await;
    }
    let page = site.get("/").await.body;
    for never in ["<script", "<img", "<h1>Paid", "<b>Odd", "<i>", "\u{1b}", "\u{7}", "\u{202e}"] {
        assert!(!page.contains(never), "{never:?}");
    }
    for shown in [
        "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>",
        "<bdi>&quot;&gt;&lt;img src=x onerror=alert(1)&gt;</bdi>",
        "<bdi>\\u{1b}[31mred\\u{7}</bdi>",
        "<bdi>\\u{202e}txt.exe</bdi>",
        "<bdi>שלום עולם</bdi>",
        "<bdi>🦊 ü\\n\\tß</bdi>",
        "<bdi>&amp;lt;b&amp;gt;</bdi>",
        "<bdi>{{7*7}} ${7*7} %s</bdi>",
        &format!("<bdi>{}…</bdi>", "x".repeat(128)),
        "<b><bdi>&lt;b&gt;Odd&lt;/b&gt;\\u{202e}</bdi></b>",
    ] {
        assert!(page.contains(shown), "{shown:?} is not in\n{page}");
    }
    assert!(page.len() < 100_000, "{} bytes", page.len());
}

#[tokio::test]
async fn figures_are_counted_again_only_when_something_may_have_changed() {
    use std::sync::Arc;

    use lmp_billing_sync::domain::Retention;
    use lmp_billing_sync::store::Scope;

    let lab = Lab::new().await;
    count_from(&lab, "0 s").await;
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(3, cycle));
    lab.poll(cycle).await;
    let accounts = ["emea".to_owned()];
    let scope = Scope {
        accounts: &accounts,
        jobs: &[],
        retention: Retention { months: 24 },
        timezone: chrono_tz::UTC,
    };
    let first = lab.store.overview(&scope, None).await.unwrap();
    let again = lab.store.overview(&scope, Some(&first.figures)).await.unwrap();
    assert!(Arc::ptr_eq(&first.figures, &again.figures));

    lab.poll(cycle).await;
    let polled = lab.store.overview(&scope, Some(&first.figures)).await.unwrap();
    assert!(!Arc::ptr_eq(&first.figures, &polled.figures));

    lab.execute(
        "insert into lmp_billing.sync_runs (job, trigger, account, started_at, finished_at, outcome, instance, lease_renewed_at)
         values ('prune', 'cli', '*', now(), now(), 'succeeded', 'test', now())",
    )
    .await;
    let pruned = lab.store.overview(&scope, Some(&polled.figures)).await.unwrap();
    assert!(!Arc::ptr_eq(&polled.figures, &pruned.figures));
}
