//! A private PostgreSQL server, run from the server binaries installed on the machine.
//!
//! So that the program works with nothing to configure: a real, durable PostgreSQL that psql and BI
//! tools can connect to, and that is there exactly as long as the program is.
//!
//! ```text
//! program ──pipe──→ guard (sh) ──→ postgres ──→ data_dir/postgres/data
//!    │                                │
//!    └────── TCP, 127.0.0.1 only ─────┘
//! ```
//!
//! The pipe is the whole contract between program and guard: it closes when the program ends, however
//! it ends, and then the guard stops the server. Two locks keep programs and servers apart: `lock`
//! says that a program owns the folder, the lock on the log that a server still runs.
//!
//! Signals that end the program must go to it alone: a service manager should be told to signal only
//! the main process (systemd: `KillMode=mixed`), so that the database outlives the last transaction.

mod cluster;
mod error;
mod find;
mod home;
mod log;
mod server;
mod user;

use std::path::PathBuf;
use std::process::ExitStatus;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

pub use error::EmbeddedError;

use home::Home;
use log::Log;
use server::{Launch, Server};
use user::ServerUser;

/// The role programs and people connect as; it owns everything in the server.
const ROLE: &str = "lmp_billing";
/// The database that holds the reports.
const DATABASE: &str = "lmp_billing";
/// Loopback only: the server is for this machine.
const HOST: &str = "127.0.0.1";

/// How often a start looks for another port when somebody takes the one it found.
const PORT_ATTEMPTS: usize = 4;

/// Where the server's data lives and which binaries run it.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// The program's data directory; the server's part of it is the folder `postgres`.
    pub data_dir: PathBuf,
    /// The folder that holds `initdb` and `postgres`; `None` looks for the newest installed.
    pub bin_dir: Option<PathBuf>,
    flavour: Flavour,
}

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    /// The program's own database: durable, small, with checksums.
    Embedded,
    /// Quick, and gone at the first power cut.
    Throwaway,
    /// With PostgreSQL's own defaults, so that what is measured holds for other people's servers.
    Default,
}

impl EmbeddedOptions {
    /// A durable server under `data_dir`, run by the newest binaries that fit its data.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), bin_dir: None, flavour: Flavour::Embedded }
    }

    /// For tests only: writes nothing to disk on purpose, so that it is quick and loses its data with
    /// the first power cut.
    pub fn for_tests(data_dir: impl Into<PathBuf>) -> Self {
        Self { flavour: Flavour::Throwaway, ..Self::new(data_dir) }
    }

    /// For measurements only: a durable server as PostgreSQL's own defaults make it.
    pub fn for_measuring(data_dir: impl Into<PathBuf>) -> Self {
        Self { flavour: Flavour::Default, ..Self::new(data_dir) }
    }
}

/// What a start would use.
#[derive(Clone, Debug)]
pub struct Found {
    /// The server's major version.
    pub major: u32,
    /// Where its programs are.
    pub bin_dir: PathBuf,
    /// Whether there is data already.
    pub has_data: bool,
}

/// A running server. It stops when this value is dropped and when the program ends in any way;
/// [`EmbeddedPostgres::stop`] also waits for that.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    server: Server,
    // After the server: the folder is ours until the pipe is closed.
    home: Home,
    port: u16,
    password: SecretString,
}

impl EmbeddedPostgres {
    /// Starts the server, making its data folder and its database where they are missing, and waits
    /// until it takes connections.
    ///
    /// Waits for the server of a program that was just killed to finish first.
    ///
    /// # Errors
    ///
    /// No binaries or the wrong ones, a folder that is somebody else's or in use, a server that does
    /// not start: see [`EmbeddedError`]. Data that is already there is never replaced.
    pub async fn start(options: &EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let home = Home::open(&options.data_dir).await?;
        let cluster = home.cluster();
        let user = ServerUser::choose(&cluster)?;
        let data_major = cluster::major(&cluster)?;
        let binaries = find::binaries(options.bin_dir.as_deref(), &cluster, data_major)?;
        user.must_reach(home.dir())?;
        user.must_reach(binaries.dir())?;

        let log = Log::open(&home).await?;
        cluster::discard_half_made(&home)?;
        cluster::discard_stale_pid_file(&cluster)?;
        let launch = Launch {
            cluster: &cluster,
            binaries: &binaries,
            user: &user,
            log: &log,
            flavour: options.flavour,
        };
        let password = match (home.password()?, data_major) {
            (Some(password), Some(_)) => password,
            (None, Some(_)) => {
                let password = home::generate_password();
                cluster::reset_password(&launch, &password).await?;
                home.keep_password(&password)?;
                password
            }
            (kept, None) => {
                let password = kept.unwrap_or_else(home::generate_password);
                home.keep_password(&password)?;
                cluster::create(&home, &launch, &password).await?;
                password
            }
        };

        let (server, port) = start_on_some_port(&launch, &home).await?;
        let postgres = Self { server, home, port, password };
        postgres.create_database().await?;
        tracing::debug!(port, version = binaries.major(), "the private PostgreSQL server is ready");
        Ok(postgres)
    }

    /// What a start would use, found out without starting or changing anything.
    ///
    /// # Errors
    ///
    /// No binaries or the wrong ones, or a folder that is no PostgreSQL data.
    pub fn survey(options: &EmbeddedOptions) -> Result<Found, EmbeddedError> {
        let cluster = Home::cluster_of(&options.data_dir);
        let data_major = cluster::major(&cluster)?;
        let binaries = find::binaries(options.bin_dir.as_deref(), &cluster, data_major)?;
        Ok(Found {
            major: binaries.major(),
            bin_dir: binaries.dir().to_owned(),
            has_data: data_major.is_some(),
        })
    }

    /// The connection string of the server that another process runs on this data, if one does.
    ///
    /// # Errors
    ///
    /// A folder that cannot be read.
    pub fn running(options: &EmbeddedOptions) -> Result<Option<SecretString>, EmbeddedError> {
        Ok(Home::of_another(&options.data_dir)?.map(|(port, password)| url(port, &password)))
    }

    /// The connection string, password included.
    pub fn url(&self) -> SecretString {
        url(self.port, &self.password)
    }

    /// The port the server listens on; kept from start to start while nobody else takes it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the server has ended without being asked to, which leaves the program without a
    /// database; never returns while the server runs.
    pub async fn ended(&self) -> ExitStatus {
        self.server.ended().await
    }

    /// Stops the server: disconnects everybody, writes everything to disk, and waits for its end.
    ///
    /// A server that does not answer is killed after 40 s; what was committed is safe even then.
    pub async fn stop(self) {
        let status = self.server.stop().await;
        tracing::debug!(%status, "the private PostgreSQL server has stopped");
    }

    async fn create_database(&self) -> Result<(), EmbeddedError> {
        let failed = |action| {
            let cluster = self.home.cluster();
            move |source| EmbeddedError::Database { cluster, action, source }
        };
        let mut connection: PgConnection = PgConnectOptions::new_without_pgpass()
            .host(HOST)
            .port(self.port)
            .username(ROLE)
            .password(self.password.expose_secret())
            .database("postgres")
            .ssl_mode(PgSslMode::Disable)
            .connect()
            .await
            .map_err(failed("look for its database lmp_billing"))?;
        let exists = sqlx::query("select from pg_database where datname = $1")
            .bind(DATABASE)
            .fetch_optional(&mut connection)
            .await
            .map_err(failed("look for its database lmp_billing"))?;
        if exists.is_none() {
            let create = format!("create database {DATABASE}");
            sqlx::query(sqlx::AssertSqlSafe(create))
                .execute(&mut connection)
                .await
                .map_err(failed("create its database lmp_billing"))?;
        }
        connection.close().await.map_err(failed("close the connection to it"))
    }
}

/// Starts the server on the port of the previous start, or where that is taken on another one.
async fn start_on_some_port(launch: &Launch<'_>, home: &Home) -> Result<(Server, u16), EmbeddedError> {
    let kept = home.port();
    for _ in 0..PORT_ATTEMPTS {
        let port = server::free_port(kept)?;
        if let Some(server) = launch.on_port(port).await? {
            if let Some(kept) = kept.filter(|kept| *kept != port) {
                tracing::warn!(
                    kept,
                    port,
                    "another program listens on the server's usual port: connections saved in other tools need the new one"
                );
            }
            if kept != Some(port) {
                home.keep_port(port)?;
            }
            return Ok((server, port));
        }
    }
    Err(EmbeddedError::NoPort { attempts: PORT_ATTEMPTS })
}

fn url(port: u16, password: &SecretString) -> SecretString {
    let password = password.expose_secret();
    format!("postgres://{ROLE}:{password}@{HOST}:{port}/{DATABASE}?sslmode=disable").into()
}
