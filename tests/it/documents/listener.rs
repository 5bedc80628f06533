//! examples/listen.sh, as the reader runs it.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use super::path;
use crate::support::lab::{Lab, reports};

const DEADLINE: Duration = Duration::from_mins(1);

async fn heard(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = timeout(DEADLINE, lines.next_line()).await.expect("it is told in time").unwrap();
    serde_json::from_str(&line.expect("it goes on listening")).expect("a line of JSON")
}

async fn until_it_listens(stderr: ChildStderr) {
    let mut lines = BufReader::new(stderr).lines();
    let line = timeout(DEADLINE, lines.next_line()).await.expect("it listens in time").unwrap();
    assert_eq!(line.as_deref(), Some("listening"));
}

/// The connection string without what only our driver knows.
fn for_psql(url: &str) -> String {
    let mut url: url::Url = url.parse().expect("it is a connection string");
    let known: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| name != "statement-cache-capacity").collect();
    url.query_pairs_mut().clear().extend_pairs(known);
    url.into()
}

#[tokio::test]
async fn the_example_tells_each_poll_that_changed_something() {
    let lab = Lab::new().await;
    let cycle = lab.cycle(1).await;
    let mut child = Command::new("sh")
        .arg(path("examples/listen.sh"))
        .arg(for_psql(lab.db.url()))
        .env("LISTEN_INTERVAL", "0.1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("there is a shell");
    until_it_listens(child.stderr.take().unwrap()).await;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();

    lab.serve(cycle, reports(4, cycle));
    let first = lab.poll(cycle).await;
    lab.poll(cycle).await;
    lab.serve(cycle, reports(3, cycle));
    let third = lab.poll(cycle).await;
    let told = |poll: i64, inserted: i32, withdrawn: i32| {
        json!({"poll_id": poll, "account": "emea", "cycle": cycle.to_string(),
               "inserted": inserted, "updated": 0, "withdrawn": withdrawn})
    };
    assert_eq!(heard(&mut lines).await, told(first.id, 4, 0));
    assert_eq!(heard(&mut lines).await, told(third.id, 0, 1));
}
