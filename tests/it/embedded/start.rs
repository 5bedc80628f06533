//! Starting: a new folder, one that is already there, and one that an accident left behind.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use secrecy::ExposeSecret as _;
use sqlx::Connection as _;

use super::{cluster, connect, server_pid, start, we_are_root};
use crate::support::dir::data_dir;

#[tokio::test]
async fn a_new_server_is_durable_private_and_sorts_by_code_point() {
    let dir = data_dir();
    let postgres = EmbeddedPostgres::start(&EmbeddedOptions::new(dir.path())).await.unwrap();
    let mut connection = connect(&postgres).await;
    for (setting, expected) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("server_encoding", "UTF8"),
        ("max_connections", "50"),
    ] {
        let value: String = sqlx::query_scalar("select current_setting($1)")
            .bind(setting)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(value, expected, "{setting}");
    }
    let sorted: Vec<String> =
        sqlx::query_scalar("select t from unnest(array['b', 'a', 'Z', 'ä']) t order by t")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(sorted, ["Z", "a", "b", "ä"]);
    let methods: Vec<String> = sqlx::query_scalar("select distinct auth_method from pg_hba_file_rules")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(methods, ["scram-sha-256"]);
    connection.close().await.unwrap();
    postgres.stop().await;
}

#[tokio::test]
async fn data_password_and_port_survive_a_restart() {
    let dir = data_dir();
    let first = start(dir.path()).await;
    let url = first.url().expose_secret().to_owned();
    sqlx::query("create table kept as select 42 as answer")
        .execute(&mut connect(&first).await)
        .await
        .unwrap();
    first.stop().await;
    assert!(!cluster(dir.path()).join("postmaster.pid").exists(), "stop did not wait");

    let second = start(dir.path()).await;
    assert_eq!(second.url().expose_secret(), url);
    let answer: i32 =
        sqlx::query_scalar("select answer from kept").fetch_one(&mut connect(&second).await).await.unwrap();
    assert_eq!(answer, 42);
}

#[tokio::test]
async fn the_password_is_told_only_to_the_programs_user() {
    let dir = data_dir();
    let postgres = start(dir.path()).await;
    let password_file = dir.path().join("postgres/password");
    let password = fs::read_to_string(&password_file).unwrap();
    let password = password.trim();
    let metadata = fs::metadata(password_file).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.uid(), rustix::process::geteuid().as_raw());

    assert!(postgres.url().expose_secret().contains(password));
    assert!(!format!("{postgres:?}").contains(password));
    let log = fs::read_to_string(dir.path().join("postgres/postgres.log")).unwrap();
    assert!(!log.contains(password));

    let wrong = postgres.url().expose_secret().replace(password, "guess");
    let refused = sqlx::PgConnection::connect(&wrong).await.unwrap_err().to_string();
    assert!(refused.contains("password authentication failed"), "{refused}");
}

#[tokio::test]
async fn another_port_is_found_when_somebody_took_ours_and_then_kept() {
    let dir = data_dir();
    let first = start(dir.path()).await;
    let port = first.port();
    first.stop().await;

    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let second = start(dir.path()).await;
    let other = second.port();
    assert_ne!(other, port);
    second.stop().await;
    drop(taken);

    assert_eq!(start(dir.path()).await.port(), other);
}

#[tokio::test]
async fn a_process_id_file_left_by_a_power_loss_does_not_block() {
    let dir = data_dir();
    start(dir.path()).await.stop().await;
    // The worst case: the id is in use again, by a process of the server's user, and the file says
    // that the server is ready.
    let user = fs::metadata(cluster(dir.path())).unwrap();
    let mut unrelated = std::process::Command::new("sleep");
    if we_are_root() {
        use std::os::unix::process::CommandExt as _;
        unrelated.uid(user.uid());
    }
    let mut unrelated = unrelated.arg("600").spawn().unwrap();
    let stale = cluster(dir.path()).join("postmaster.pid");
    let lines = format!("{}\n/elsewhere\n1700000000\n1\n\n127.0.0.1\n  1 2\nready   \n", unrelated.id());
    fs::write(&stale, lines).unwrap();

    let postgres = start(dir.path()).await;
    assert_ne!(server_pid(dir.path()).as_raw_nonzero().get().unsigned_abs(), unrelated.id());
    connect(&postgres).await;
    unrelated.kill().unwrap();
    unrelated.wait().unwrap();
}

#[tokio::test]
async fn a_half_made_data_folder_is_made_again() {
    let dir = data_dir();
    let half_made = dir.path().join("postgres/initdb.tmp");
    fs::create_dir_all(half_made.join("data/base")).unwrap();
    fs::write(half_made.join("data/PG_VERSION"), "15\n").unwrap();
    if we_are_root() {
        // As created by an earlier start: it lets the server's user pass.
        fs::set_permissions(dir.path().join("postgres"), fs::Permissions::from_mode(0o711)).unwrap();
    }

    let postgres = start(dir.path()).await;
    connect(&postgres).await;
    assert!(!half_made.exists());
}

#[tokio::test]
async fn a_lost_password_file_is_made_good() {
    let dir = data_dir();
    let first = start(dir.path()).await;
    let old = first.url().expose_secret().to_owned();
    let password_file = dir.path().join("postgres/password");
    first.stop().await;
    fs::remove_file(&password_file).unwrap();
    fs::write(cluster(dir.path()).join("postgresql.auto.conf"), "log_statement = 'all'\n").unwrap();

    let second = start(dir.path()).await;
    assert_ne!(second.url().expose_secret(), old);
    connect(&second).await;
    let new = fs::read_to_string(password_file).unwrap();
    let log = fs::read_to_string(dir.path().join("postgres/postgres.log")).unwrap();
    assert!(!log.contains(new.trim()), "the new password is in the log");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn as_root_the_server_runs_as_somebody_else_with_none_of_roots_groups() {
    if !we_are_root() {
        return; // every other test has shown that an ordinary user can start it
    }
    let dir = data_dir();
    let _postgres = start(dir.path()).await;
    let owner = fs::metadata(cluster(dir.path())).unwrap();
    assert_ne!(owner.uid(), 0);
    let status =
        fs::read_to_string(format!("/proc/{}/status", server_pid(dir.path()).as_raw_nonzero())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("Uid:"), vec![owner.uid().to_string(); 4]);
    assert_eq!(field("Gid:"), vec![owner.gid().to_string(); 4]);
    assert!(field("Groups:").iter().all(|group| *group == owner.gid().to_string()), "{:?}", field("Groups:"));
}
