//! When the server must not start, and what the message says then.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use lmp_billing_sync::embedded::EmbeddedOptions;

use super::{cluster, connect, start, start_error, we_are_root};
use crate::support::dir::{data_dir, exec_dir};

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[tokio::test]
async fn data_of_another_major_version_is_left_alone() {
    let dir = data_dir();
    let cluster = cluster(dir.path());
    fs::create_dir_all(&cluster).unwrap();
    fs::write(cluster.join("PG_VERSION"), "8\n").unwrap();
    fs::write(cluster.join("precious"), "data").unwrap();
    if we_are_root() {
        std::os::unix::fs::chown(&cluster, Some(65_534), Some(65_534)).unwrap();
    }

    let message = start_error(&EmbeddedOptions::for_tests(dir.path())).await;
    let data = cluster.display().to_string();
    assert_says(&message, &[&data, "made by PostgreSQL 8", "/bin)", "Nothing was changed", "pg_dump"]);
    assert_eq!(fs::read_to_string(cluster.join("precious")).unwrap(), "data");
}

#[tokio::test]
async fn a_folder_that_is_no_cluster_is_left_alone() {
    let dir = data_dir();
    let cluster = cluster(dir.path());
    fs::create_dir_all(&cluster).unwrap();
    fs::write(cluster.join("holiday.jpg"), "precious").unwrap();
    if we_are_root() {
        std::os::unix::fs::chown(&cluster, Some(65_534), Some(65_534)).unwrap();
    }
    let message = start_error(&EmbeddedOptions::for_tests(dir.path())).await;
    assert_says(&message, &["is no PostgreSQL data folder", "Move it away"]);
    assert!(cluster.join("holiday.jpg").exists());
}

#[tokio::test]
async fn root_makes_nothing_in_a_folder_that_was_made_for_somebody_else() {
    if !we_are_root() {
        return;
    }
    let dir = data_dir();
    std::os::unix::fs::chown(dir.path(), Some(65_534), Some(65_534)).unwrap();
    let message = start_error(&EmbeddedOptions::for_tests(dir.path())).await;
    assert_says(&message, &["user id 65534", "systemctl start lmp-billing-sync", "data_dir"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the service could not use what root has made");
}

#[tokio::test]
async fn a_second_owner_is_refused_and_the_first_goes_on() {
    let dir = data_dir();
    let first = start(dir.path()).await;
    let message = start_error(&EmbeddedOptions::for_tests(dir.path())).await;
    let pid = format!("another lmp-billing-sync (pid {})", std::process::id());
    assert_says(&message, &[&pid, "database.url", "data_dir"]);
    connect(&first).await;
}

#[tokio::test]
async fn a_setting_that_names_no_binaries_is_told_by_its_name() {
    let dir = data_dir();
    let empty = data_dir();
    let mut options = EmbeddedOptions::for_tests(dir.path());
    options.bin_dir = Some(empty.path().to_owned());
    let named = format!("database.bin_dir is {}", empty.path().display());
    assert_says(&start_error(&options).await, &[&named, "no working initdb"]);

    fs::write(empty.path().join("initdb"), "").unwrap();
    assert_says(&start_error(&options).await, &[&named, "no working postgres"]);
}

#[tokio::test]
async fn a_folder_the_servers_user_cannot_reach_is_named() {
    if !we_are_root() {
        return; // only root steps down to a user with fewer rights
    }
    let dir = data_dir();
    let barred = dir.path().join("private");
    fs::create_dir(&barred).unwrap();
    fs::set_permissions(&barred, Permissions::from_mode(0o700)).unwrap();
    let message = start_error(&EmbeddedOptions::for_tests(barred.join("data"))).await;
    let mend = format!("chmod o+x {}", barred.display());
    assert_says(&message, &["refuses to run as root", &mend, "data_dir"]);
}

#[tokio::test]
async fn a_server_that_cannot_start_is_quoted() {
    let dir = data_dir();
    start(dir.path()).await.stop().await;
    fs::write(cluster(dir.path()).join("postgresql.auto.conf"), "shared_buffers = 'plenty'\n").unwrap();
    let message = start_error(&EmbeddedOptions::for_tests(dir.path())).await;
    assert_says(&message, &["ended while it was starting", "postgres.log", "invalid value for parameter"]);
}

#[tokio::test]
async fn an_initdb_that_fails_is_quoted_and_does_no_lasting_harm() {
    let dir = data_dir();
    let bin = exec_dir();
    // Written by another process: this one would hold the file open for writing while it starts
    // others, and then it cannot be executed.
    let script = "printf '#!/bin/sh\necho no room on the disk >&2\nexit 3\n' >initdb && chmod 755 initdb && \
                  printf '#!/bin/sh\necho \"postgres (PostgreSQL) 15.1\"\n' >postgres && chmod 755 postgres";
    assert!(Command::new("sh").args(["-c", script]).current_dir(bin.path()).status().unwrap().success());
    let mut options = EmbeddedOptions::for_tests(dir.path());
    options.bin_dir = Some(bin.path().to_owned());
    assert_says(
        &start_error(&options).await,
        &["initdb could not make", "exit status: 3", "no room on the disk"],
    );

    connect(&start(dir.path()).await).await;
}
