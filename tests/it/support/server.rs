//! The PostgreSQL server of the tests, one per process.
//!
//! | environment | server |
//! |---|---|
//! | `TEST_DATABASE_URL` | that one; the role must be allowed to create databases and roles |
//! | `TEST_DATABASE=testcontainers` | a container of `postgres:$TEST_POSTGRES_TAG` (17) |
//! | neither | a private one from the binaries installed here, as `database.embedded` would start it |
//!
//! The last two end with the process, killed or not. Runners that give each test a process of its own
//! (nextest) want `TEST_DATABASE_URL`, else every test waits for a server of its own.

use std::env;

use lmp_billing_sync::embedded::{EmbeddedOptions, EmbeddedPostgres};
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;
use testcontainers::core::{IntoContainerPort as _, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{GenericImage, ImageExt as _};
use tokio::sync::OnceCell;

use super::afterwards;
use super::dir::data_dir;

const DEFAULT_TAG: &str = "17";
const CONTAINER_PASSWORD: &str = "only-for-tests";

/// Stays the same whichever test, and with it whichever runtime, comes first.
static SERVER: OnceCell<Server> = OnceCell::const_new();

struct Server {
    admin: PgConnectOptions,
    /// Keeps it running until the process ends.
    _embedded: Option<EmbeddedPostgres>,
}

/// How to reach the server as somebody who may create databases.
pub(super) async fn admin() -> &'static PgConnectOptions {
    &SERVER.get_or_init(start).await.admin
}

async fn start() -> Server {
    if let Ok(url) = env::var("TEST_DATABASE_URL") {
        let admin = url.parse().expect("TEST_DATABASE_URL is a PostgreSQL connection string");
        return Server { admin, _embedded: None };
    }
    match env::var("TEST_DATABASE").as_deref() {
        Ok("testcontainers") => container().await,
        Ok(other) => panic!("TEST_DATABASE is {other:?}; it may be \"testcontainers\" or absent"),
        Err(_) => embedded().await,
    }
}

async fn embedded() -> Server {
    // The shell removes it: the folder must stay until the server is gone.
    let dir = data_dir().keep();
    afterwards::run(
        r#"left=60
        while [ -e "$1/postgres/data/postmaster.pid" ] && [ $left -gt 0 ]; do sleep 1; left=$((left - 1)); done
        rm -rf "$1""#,
        dir.to_str().expect("the temporary folder's name is text"),
    );
    let postgres = EmbeddedPostgres::start(&EmbeddedOptions::for_tests(dir)).await;
    let postgres = postgres.unwrap_or_else(|error| panic!("no server for the tests: {error}"));
    let admin = postgres.url().expose_secret().parse().expect("the server's address is a connection string");
    Server { admin, _embedded: Some(postgres) }
}

async fn container() -> Server {
    let tag = env::var("TEST_POSTGRES_TAG").unwrap_or_else(|_| DEFAULT_TAG.to_owned());
    let ready = "database system is ready to accept connections";
    let container = GenericImage::new("postgres", &tag)
        .with_exposed_port(5432.tcp())
        // The image starts a temporary server first, to set things up; that one's log goes to the
        // standard output and the real one's to the standard error.
        .with_wait_for(WaitFor::message_on_stdout(ready))
        .with_wait_for(WaitFor::message_on_stderr(ready))
        .with_env_var("POSTGRES_PASSWORD", CONTAINER_PASSWORD)
        .with_cmd(["postgres", "-c", "fsync=off", "-c", "max_connections=300"])
        .start()
        .await
        .unwrap_or_else(|error| panic!("no container of postgres:{tag} for the tests: {error}"));
    afterwards::run(r#"docker rm --force --volumes "$1""#, container.id());
    let host = container.get_host().await.expect("the container has a host").to_string();
    let port = container.get_host_port_ipv4(5432).await.expect("the container has a port");
    // Its own clean-up needs this runtime, which ends with the first test.
    std::mem::forget(container);
    let admin = PgConnectOptions::new_without_pgpass()
        .host(&host)
        .port(port)
        .username("postgres")
        .password(CONTAINER_PASSWORD)
        .database("postgres");
    Server { admin, _embedded: None }
}
