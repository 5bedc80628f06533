//! A failover: the server we are connected to has become read-only, and its standby takes over.

use super::check;
use super::rig::Rig;
use super::rounds;
use super::server::{OwnServer, pool};
use super::standby::{Standby, has_everything};
use crate::support::lab::Lab;
use crate::support::wait::{until, until_async};

#[tokio::test]
async fn after_a_failover_connections_to_the_old_primary_are_given_up_and_the_new_one_is_found() {
    let seed = rounds::seed();
    let primary = OwnServer::quick().await;
    let old = primary.migrated().await;
    let standby = Standby::of(&primary);
    let mut rig = Rig::on(Lab::new().await, &primary.url(), seed).await;
    for round in 0..3 {
        let cycles = rig.next_chapter(round < 2);
        rig.converges(&old, &cycles, &format!("chapter {round}")).await;
    }
    let new = pool(&standby.url()).await;
    has_everything(&new, &old).await;
    check::tells(&new, &rig.story, "on the standby").await;

    // Demoted, with its connections left open; new ones lead to the standby, which still only follows.
    sqlx::raw_sql("alter system set default_transaction_read_only = on").execute(&old).await.unwrap();
    sqlx::raw_sql("select pg_reload_conf()").execute(&old).await.unwrap();
    let demoted = "select current_setting('default_transaction_read_only') = 'on'";
    until_async("the old primary is read-only", async || {
        sqlx::query_scalar(demoted).fetch_one(&old).await.unwrap()
    })
    .await;
    rig.proxy.lead_to(&standby.url()).await;
    let cycles = rig.next_chapter(true);
    let refused = || rig.proxy.errors().iter().filter(|code| *code == "25006").count();
    let promote = async {
        until("both refuse to write", || refused() >= 4).await;
        standby.pg_ctl(&["promote"]);
    };
    let (ended, ()) = tokio::join!(rig.lab.sync(&cycles), promote);
    assert_eq!(ended.polls.len(), cycles.len());
    check::tells(&new, &rig.story, "on the new primary").await;
    let cycles = rig.next_chapter(true);
    rig.converges(&new, &cycles, "the chapter after").await;
    rig.lab.store.close().await;
    new.close().await;
    old.close().await;
    drop(standby);
    primary.stop().await;
}
