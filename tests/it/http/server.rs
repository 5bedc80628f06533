//! What the server does with clients, good and bad.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Site;
use crate::support::lab::Lab;

#[tokio::test]
async fn every_answer_is_protected() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    for (path, status) in [("/", 200), ("/healthz", 200), ("/readyz", 503), ("/metrics", 200), ("/x", 404)] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
            ("connection", "close"),
        ] {
            assert_eq!(answer.headers.get(name).map(String::as_str), Some(value), "{name} of {path}");
        }
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    }
    assert_eq!(site.ask("POST", "/").await.status, 405);
}

#[tokio::test]
async fn the_policy_admits_the_pages_own_style_and_nothing_else() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let page = site.get("/").await;
    let (_, rest) = page.body.split_once("<style>").expect("it has a style");
    let (style, rest) = rest.split_once("</style>").expect("the style ends");
    let digest = STANDARD.encode(Sha256::digest(style));
    assert!(page.headers["content-security-policy"].contains(&format!("style-src 'sha256-{digest}';")));
    // Neither scripts nor anything from elsewhere; the policy would block styles of single elements.
    for never in ["<script", "<style", " style=", " onload", "http://", "https://", "javascript:"] {
        assert!(!rest.contains(never), "{never}");
    }
}

#[tokio::test]
async fn clients_that_dawdle_hold_up_nobody_for_long() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    // More than are served at once: the last of them wait until the first are hung up on.
    let mut dawdlers = Vec::new();
    for _ in 0..70 {
        let mut stream = TcpStream::connect(site.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        dawdlers.push(stream);
    }
    assert_eq!(site.get("/healthz").await.body, "ok\n");
    let mut rest = Vec::new();
    // It may be told that it was too slow, but the connection ends.
    let _ = dawdlers[0].read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_few_that_dawdle_hold_up_nobody_at_all() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let mut dawdlers = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(site.addr).await.unwrap();
        stream.write_all(b"GET /").await.unwrap();
        dawdlers.push(stream);
    }
    let began = Instant::now();
    assert_eq!(site.get("/healthz").await.status, 200);
    // A dawdler is hung up on after five seconds.
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let line = format!("x: {}\r\n", "y".repeat(1000));
    for _ in 0..64 {
        // It hangs up before all is sent.
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn told_to_stop_it_ends_within_seconds_whoever_is_connected() {
    let lab = Lab::new().await;
    let site = Site::of(&lab).await;
    let mut idle = TcpStream::connect(site.addr).await.unwrap();
    idle.write_all(b"GET / HTT").await.unwrap();
    // Served after the idle one was accepted.
    assert_eq!(site.get("/healthz").await.status, 200);
    site.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), site.served).await;
    ended.expect("it ends").expect("it does not panic");
    assert!(TcpStream::connect(site.addr).await.is_err(), "it listens no more");
}
