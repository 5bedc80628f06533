//! Listeners are told of each poll that changed something, and of no other.

use serde_json::{Value, json};
use sqlx::postgres::PgListener;

use crate::support::lab::{Lab, reports};

#[tokio::test]
async fn one_notification_for_each_poll_that_changed_something() {
    let lab = Lab::new().await;
    let mut listener = PgListener::connect(lab.db.url()).await.unwrap();
    listener.listen("lmp_billing_changes").await.unwrap();
    let cycle = lab.cycle(1).await;
    lab.serve(cycle, reports(4, cycle));
    let first = lab.poll(cycle).await;
    lab.poll(cycle).await;
    lab.serve(cycle, reports(3, cycle));
    let third = lab.poll(cycle).await;
    let mut heard = Vec::new();
    for _ in 0..2 {
        heard.push(serde_json::from_str::<Value>(listener.recv().await.unwrap().payload()).unwrap());
    }
    let told = |poll: i64, inserted: i32, withdrawn: i32| {
        json!({"poll_id": poll, "account": "emea", "cycle": cycle.to_string(),
               "inserted": inserted, "updated": 0, "withdrawn": withdrawn})
    };
    assert_eq!(heard, [told(first.id, 4, 0), told(third.id, 0, 1)]);
}
