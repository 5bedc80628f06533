//! The disk of the database is full: for real, on a small file system in memory.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lmp_billing_sync::store::{Limits, RunOutcome, Store};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::check;
use super::rig::Rig;
use super::rounds;
use super::server::{OwnServer, pool};
use crate::support::lab::{Lab, report};
use crate::support::wait::until;

/// A mounted file system of 48 MB.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where nothing may be mounted, which is said, and is a failure in CI.
    fn mount(server: &OwnServer) -> Option<Self> {
        let folder = server.own_folder();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => {
                let disk = Self(folder);
                let owner = fs::metadata(server.data()).unwrap();
                chown(disk.0.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
                Some(disk)
            }
            other => {
                let said = other.map_or_else(
                    |error| error.to_string(),
                    |o| String::from_utf8_lossy(&o.stderr).into_owned(),
                );
                assert!(
                    std::env::var_os("CI").is_none(),
                    "no file system can be mounted, so a full disk is not tested: {said}"
                );
                println!(
                    "NOT TESTED: a full disk; no file system can be mounted here (only root may): {said}"
                );
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves nothing free.
    fn fill(&self) {
        let mut file = fs::File::create(self.path().join("filler")).unwrap();
        let block = vec![0; 64 << 10];
        while file.write_all(&block).is_ok() {}
        while file.write_all(&[0; 512]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_run_changes_nothing_and_is_forgotten_once_there_is_room() {
    let seed = rounds::seed();
    let server = OwnServer::quick().await;
    let Some(disk) = SmallDisk::mount(&server) else { return };
    let admin = pool(&server.url()).await;
    let create = format!("create tablespace small location '{}'", disk.path().display());
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&admin).await.unwrap();
    sqlx::raw_sql("create database small tablespace small").execute(&admin).await.unwrap();
    let mut url = url::Url::parse(&server.url()).unwrap();
    url.set_path("small");
    let store = Store::connect(&url.as_str().into(), 1).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let pool = pool(url.as_str()).await;
    let mut rig = Rig::on(Lab::new().await, url.as_str(), seed).await;
    for round in 0..3 {
        let cycles = rig.next_chapter(round < 2);
        rig.converges(&pool, &cycles, &format!("chapter {round}")).await;
    }

    // Much more than may find room in pages that are already there.
    let big = rig.lab.cycle(21).await;
    let many: Vec<_> = (1..=4000).map(|number| report(number, big)).collect();
    rig.lab.serve(big, many);
    let bigs = [big];
    disk.fill();
    let patient = rig.lab.store.clone();
    rig.lab.store =
        patient.clone().with_limits(Limits { again: Duration::from_millis(500), ..Limits::default() });
    let error = rig.lab.try_sync(&bigs, &CancellationToken::new()).await.unwrap_err();
    assert!(
        error.to_string().contains("53100") && error.to_string().contains("free some disk space"),
        "{error}"
    );
    assert!(rig.proxy.errors().contains(&"53100".to_owned()));
    check::tells(&pool, &rig.story, "on a full disk").await;

    // A patient run sees the room come back.
    rig.lab.store = patient;
    rig.proxy.forget();
    let (ended, ()) = tokio::join!(rig.lab.sync(&bigs), async {
        until("it finds the disk full", || rig.proxy.errors().contains(&"53100".to_owned())).await;
        disk.free();
    });
    assert_eq!((ended.run.outcome, ended.polls[0].inserted), (RunOutcome::Succeeded, 4000));
    check::invariants(&pool, "with room again").await;
    let stored: i64 =
        sqlx::query_scalar("select count(*) from lmp_billing.reports where cycle = $1 and version = 1")
            .bind(big.first_day())
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(stored, 4000);
    rig.lab.store.close().await;
    pool.close().await;
    sqlx::raw_sql("drop database small").execute(&admin).await.unwrap();
    sqlx::raw_sql("drop tablespace small").execute(&admin).await.unwrap();
    admin.close().await;
    server.stop().await;
}
