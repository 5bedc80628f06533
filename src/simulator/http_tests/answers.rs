//! Good answers and refusals.

use serde_json::{Value, json};

use super::super::testing::Signed;
use super::super::{Account, DEFAULT_ACCESS_TOKEN, Refusal};
use super::{as_json, builder, now, start, world};
use crate::simulator::World;

#[tokio::test]
async fn a_signed_request_gets_the_reports_of_its_cycle_under_both_versions() {
    let simulator = start().await;
    let expected = world().reports(now(), "2026-07".parse().unwrap());
    assert!(!expected.is_empty());
    for path in ["/LMPI/v2/reports/billing", "/LMPI/v3/reports/billing"] {
        let request = Signed { path, ..Signed::cycle("2026-07", now()) };
        let response = request.send(&simulator).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
        assert_eq!(response.headers()["date"], "Sun, 09 Aug 2026 10:00:00 GMT");
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(body, as_json(&expected));
    }
}

#[tokio::test]
async fn the_ledger_holds_what_was_asked_and_what_was_answered() {
    let simulator = start().await;
    let request = Signed::cycle("2026-07", now());
    let body = request.send(&simulator).await.bytes().await.unwrap();
    let exchanges = simulator.handle().exchanges();
    let [exchange] = &exchanges[..] else { panic!("{} exchanges", exchanges.len()) };
    assert_eq!((exchange.number, exchange.received_at, exchange.world_time), (1, now(), now()));
    assert_eq!(exchange.uri, request.path);
    assert_eq!(exchange.access_token.as_deref(), Some(DEFAULT_ACCESS_TOKEN));
    assert_eq!(exchange.trace_id, Some(request.trace_id));
    assert_eq!(exchange.cycle.unwrap().to_string(), "2026-07");
    assert_eq!(exchange.body, request.body);
    assert_eq!(exchange.refusal, None);
    let answer = exchange.answer.as_ref().unwrap();
    assert_eq!((answer.status, &answer.body), (200, &body));
}

#[tokio::test]
async fn the_ledger_forgets_as_it_is_told() {
    for (keep, kept) in [(0, vec![]), (2, vec![2, 3]), (usize::MAX, vec![1, 2, 3])] {
        let simulator = builder().keep(keep).start().await.unwrap();
        for _ in 0..3 {
            assert_eq!(Signed::cycle("2026-07", now()).json(&simulator).await.0, 200);
        }
        let numbers: Vec<_> = simulator.handle().exchanges().iter().map(|e| e.number).collect();
        assert_eq!((numbers, simulator.handle().received()), (kept, 3));
    }
}

#[tokio::test]
async fn what_lmp_would_refuse_is_refused_and_leaks_nothing() {
    let simulator = start().await;
    let good = Signed::cycle("2026-07", now());
    let late = now() - chrono::TimeDelta::minutes(16);
    for (request, status, why) in [
        (Signed { path: "/LMPI/v2/reports/billing/", ..good.clone() }, 404, "no resource at this path"),
        (
            Signed { time: late, ..good.clone() },
            403,
            "x-posix-time is -960 seconds away from this server's clock",
        ),
        (
            Signed { trace_id: uuid::Uuid::nil(), ..good.clone() },
            400,
            "the header x-traceid does not have the documented form",
        ),
        (
            Signed { body: r#"{"report_status":["7"]}"#.to_owned(), ..good.clone() },
            400,
            r#"report_status cannot be ["7"]"#,
        ),
        (
            Signed { body: "x".repeat(70_000), ..good.clone() },
            401,
            "the signature does not match the request",
        ),
    ] {
        let (got, body) = request.json(&simulator).await;
        assert_eq!((got, &body["error"]["message"]), (status, &json!(why)));
        assert_eq!(body.get("reports"), None);
    }
    let refusals: Vec<_> =
        simulator.handle().exchanges().into_iter().map(|exchange| exchange.refusal.unwrap()).collect();
    assert_eq!(refusals[1], Refusal::ClockSkew(-960));
}

#[tokio::test]
async fn only_post_is_taken() {
    let simulator = start().await;
    // Anything that is installed is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = simulator.base_url() + "/LMPI/v2/reports/billing";
    let response = reqwest::Client::new().get(url).send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
}

#[tokio::test]
async fn cycles_that_are_too_old_are_empty_or_refused_and_future_ones_are_empty() {
    let empty = json!({ "reports": [] });
    let simulator = start().await;
    for cycle in ["2024-07", "2026-09", "1999-01"] {
        let (status, body) = Signed::cycle(cycle, now()).json(&simulator).await;
        assert_eq!((status, &body), (200, &empty), "{cycle}");
    }
    assert_ne!(Signed::cycle("2024-08", now()).json(&simulator).await.1, empty);

    let strict = builder().refuse_too_old().start().await.unwrap();
    assert_eq!(Signed::cycle("2024-07", now()).json(&strict).await.0, 400);
    assert_eq!(Signed::cycle("2026-09", now()).json(&strict).await, (200, empty));
}

#[tokio::test]
async fn filters_leave_what_was_asked_for() {
    let simulator = start().await;
    let ask = async |body: &str| {
        let request = Signed { body: body.to_owned(), ..Signed::cycle("2026-07", now()) };
        request.json(&simulator).await.1["reports"].as_array().unwrap().clone()
    };
    let all = ask("{}").await;
    assert!(all.len() > 25 * 6);
    let completed = ask(r#"{"report_status":["4"]}"#).await;
    assert!(completed.iter().all(|report| report["status"] == "Completed"));
    let others = ask(r#"{"report_status":[0,1,2,3]}"#).await;
    assert_eq!(completed.len() + others.len(), all.len());
    let year = ask(r#"{"report_cycle_year":"2025"}"#).await;
    assert!(year.iter().all(|report| report["start_date"].as_str().unwrap().starts_with("2025")));
}

#[tokio::test]
async fn accounts_have_worlds_of_their_own() {
    let other = "0a1b2c3d-30c4-4f0e-9d6e-0a4b1c2d3e4f";
    let simulator = builder()
        .account(DEFAULT_ACCESS_TOKEN, super::super::DEFAULT_SECRET_KEY, World::new(5, 3).steady())
        .account(other, "another-secret", World::new(6, 4).steady())
        .start()
        .await
        .unwrap();
    let (_, body) = Signed::cycle("2026-07", now()).json(&simulator).await;
    assert_eq!(body["reports"].as_array().unwrap().len(), 3);
    assert_eq!(simulator.handle().world(other), Some(World::new(6, 4).steady()));
    let debug = format!(
        "{:?}",
        Account { access_token: other.to_owned(), secret_key: "another-secret".to_owned(), world: world() }
    );
    assert!(!debug.contains("another-secret") && !debug.contains(other));
}

#[tokio::test]
async fn a_large_answer_comes_in_chunks_and_whole() {
    let world = World::new(9, 3_000).steady();
    let simulator = builder()
        .account(DEFAULT_ACCESS_TOKEN, super::super::DEFAULT_SECRET_KEY, world)
        .start()
        .await
        .unwrap();
    let response = Signed::cycle("2026-07", now()).send(&simulator).await;
    assert_eq!(response.content_length(), None);
    let body = response.bytes().await.unwrap();
    let parsed: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(parsed["reports"].as_array().unwrap().len(), 3_000);
    let exchange = simulator.handle().exchanges().remove(0);
    assert_eq!(exchange.answer.unwrap().body, body);
}
