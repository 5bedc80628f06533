//! The database is restored from an older backup.

use super::rig::Rig;
use super::rounds;
use super::server::{OwnServer, postgres_program, run};
use crate::support::lab::Lab;

#[tokio::test]
async fn a_database_restored_from_an_older_backup_converges_with_what_lmp_lists() {
    let seed = rounds::seed();
    let server = OwnServer::quick().await;
    let pool = server.migrated().await;
    let url = server.url();
    let mut rig = Rig::on(Lab::new().await, &url, seed).await;
    for round in 0..4 {
        let cycles = rig.next_chapter(round < 2);
        rig.converges(&pool, &cycles, &format!("chapter {round}")).await;
    }
    let backup = server.own_folder();
    let backup = backup.path().join("backup");
    run(server
        .command(&postgres_program("pg_dump"))
        .args(["--format=custom", "--dbname", &url, "--file"])
        .arg(&backup));
    let then = rig.story.clone();
    let mut cycles = Vec::new();
    for round in 4..9 {
        cycles = rig.next_chapter(round < 5);
        rig.converges(&pool, &cycles, &format!("chapter {round}")).await;
    }

    // The daemon's connections stay open meanwhile, as they may.
    sqlx::raw_sql("drop schema lmp_billing cascade").execute(&pool).await.unwrap();
    run(server
        .command(&postgres_program("pg_restore"))
        .args(["--exit-on-error", "--dbname", &url])
        .arg(&backup));
    rig.story = then.skipping_to(&rig.story);
    rig.converges(&pool, &cycles, "restored").await;
    let cycles = rig.next_chapter(true);
    rig.converges(&pool, &cycles, "the chapter after").await;
    rig.lab.store.close().await;
    pool.close().await;
    server.stop().await;
}
