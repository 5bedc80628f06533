//! What can go wrong with the private server, and what to do about each.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why the private PostgreSQL server cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No server binaries anywhere.
    #[error(
        "no PostgreSQL server is installed here: looked for initdb and postgres in {searched}. Install one \
         (Debian, Ubuntu: apt-get install postgresql; Fedora, RHEL: dnf install postgresql-server; macOS: \
         brew install postgresql@17), name the folder that holds them in database.bin_dir, or give the \
         address of a server you already run in database.url"
    )]
    NotInstalled {
        /// Where we looked, for people.
        searched: String,
    },

    /// The setting names a folder without server binaries.
    #[error(
        "database.bin_dir is {dir}, but there is no working {missing} in it. Name the folder that holds both \
         initdb and postgres, for example /usr/lib/postgresql/15/bin, or remove the setting to have them \
         looked for"
    )]
    BinDir {
        /// The setting's value.
        dir: PathBuf,
        /// The binary that is not there, or does not run.
        missing: &'static str,
    },

    /// The data was made by a major version that is not installed.
    #[error(
        "the data in {cluster} was made by PostgreSQL {data_major}, but only {installed} found here. Nothing was \
         changed. Either install PostgreSQL {data_major} again (Debian, Ubuntu: apt-get install \
         postgresql-{data_major}; macOS: brew install postgresql@{data_major}; or name its folder in \
         database.bin_dir), or move the data: pg_dump it with version {data_major}, move {cluster} away, start \
         once, and restore the dump"
    )]
    WrongMajor {
        /// The cluster's folder.
        cluster: PathBuf,
        /// The major version that made it.
        data_major: u32,
        /// What is installed, for people.
        installed: String,
    },

    /// The cluster's folder holds something else.
    #[error(
        "{cluster} is no PostgreSQL data folder (it has no readable PG_VERSION), and it is not empty. Nothing was \
         changed. Move it away, or choose another data_dir"
    )]
    NotACluster {
        /// The cluster's folder.
        cluster: PathBuf,
    },

    /// The data belongs to another user of the machine.
    #[error(
        "the data in {folder} belongs to user id {owner}, and this program, running as user id {we}, cannot start \
         a server on it. Run the program as the user it ran as before, hand the folder over (chown -R {we} {folder}), or \
         choose another data_dir"
    )]
    ForeignOwner {
        /// The data directory or its PostgreSQL data.
        folder: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who we are.
        we: u32,
    },

    /// We are root, and the folder was made for somebody else.
    #[error(
        "{folder} is the folder of user id {owner}, as the systemd service's is, and holds no database yet. Start the service \
         (systemctl start lmp-billing-sync): commands use its server. Else choose another data_dir"
    )]
    OfTheService {
        /// The data directory.
        folder: PathBuf,
        /// Who owns it.
        owner: u32,
    },

    /// Another program holds the data directory.
    #[error(
        "another lmp-billing-sync (pid {pid}) is running with the data in {home}. Two cannot share them: stop the \
         other one, point this one at its database with database.url, or give this one another data_dir"
    )]
    AlreadyRunning {
        /// The folder both want.
        home: PathBuf,
        /// The other program, as it wrote itself down.
        pid: String,
    },

    /// Somebody started a server on our data by hand.
    #[error(
        "a PostgreSQL server that this program did not start (pid {pid}) is running on {cluster}. Stop it first: \
         kill -INT {pid}"
    )]
    ForeignServer {
        /// The cluster's folder.
        cluster: PathBuf,
        /// The server's process.
        pid: i32,
    },

    /// A previous program's server does not go away.
    #[error(
        "the server of an earlier lmp-billing-sync is still using {log} after {seconds} s. It should have \
         stopped by itself; see what it is doing in that log, and end it if need be (its pid is the first \
         line of {pid_file})"
    )]
    StillStopping {
        /// The log that server holds open.
        log: PathBuf,
        /// Where its process id is written.
        pid_file: PathBuf,
        /// How long we waited.
        seconds: u64,
    },

    /// Root, but nobody to drop to.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor a user nobody \
         to run it as. Run this program as an ordinary user, or create one: useradd --system postgres"
    )]
    NoServerUser,

    /// The data are those of the systemd service, which does not run.
    #[error(
        "no server runs on the data in {folder}, because the systemd service does not run, whose they are. See why \
         (systemctl status lmp-billing-sync; journalctl -u lmp-billing-sync -n 20) and start it (systemctl start \
         lmp-billing-sync): commands use its server"
    )]
    ServiceDoesNotRun {
        /// The folder the server needs.
        folder: PathBuf,
    },

    /// The server's user cannot reach a folder.
    #[error(
        "no server runs on this data, and PostgreSQL refuses to run as root, so it is run as user \
         {user}, who may not enter {barred}, on the way to {wanted}; choose another data_dir, run this program as an ordinary user, \
         or let others pass: chmod o+x {barred}"
    )]
    NotTraversable {
        /// Who runs the server.
        user: String,
        /// The folder that bars the way.
        barred: PathBuf,
        /// The folder the server needs.
        wanted: PathBuf,
    },

    /// initdb failed.
    #[error(
        "initdb could not make a new PostgreSQL data folder in {cluster} ({status}). It said:\n{said}{}{}",
        nameless(.said), scarce(*.free)
    )]
    Initdb {
        /// The folder that was to be made.
        cluster: PathBuf,
        /// How initdb ended.
        status: ExitStatus,
        /// The end of what it said; on a full disk that is not all.
        said: String,
        /// How many bytes were free before, if that is known.
        free: Option<u64>,
    },

    /// The server ended instead of becoming ready.
    #[error(
        "the PostgreSQL server on {cluster} ended while it was starting ({status}). The end of its log, {log}:\n{said}"
    )]
    EndedEarly {
        /// The cluster's folder.
        cluster: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The end of that log.
        said: String,
    },

    /// The server did not become ready in time.
    #[error(
        "the PostgreSQL server on {cluster} was not ready after {seconds} s and was stopped. The end of its log, \
         {log}:\n{said}"
    )]
    NotReady {
        /// The cluster's folder.
        cluster: PathBuf,
        /// How long we waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// The end of that log.
        said: String,
    },

    /// Somebody else was always faster.
    #[error(
        "found a free port on 127.0.0.1 {attempts} times, and each time another program took it first; try again"
    )]
    NoPort {
        /// How often we tried.
        attempts: usize,
    },

    /// The server runs but its database cannot be opened or made.
    #[error("the PostgreSQL server on {cluster} is ready, but this program cannot {action}")]
    Database {
        /// The cluster's folder.
        cluster: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },

    /// The file system or the operating system refused something.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl EmbeddedError {
    /// For `map_err`: what was tried, and on what.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// A new database takes some 50 MB.
const ENOUGH: u64 = 100 << 20;

fn scarce(free: Option<u64>) -> String {
    match free {
        Some(free) if free < ENOUGH => {
            format!(
                "\nOnly {} MB were free there: free some disk space, or choose another data_dir",
                free >> 20
            )
        }
        _ => String::new(),
    }
}

/// What to do where initdb does not find the name of the user it runs as.
fn nameless(said: &str) -> &'static str {
    if said.contains("could not look up effective user ID") {
        "\nUnder systemd's DynamicUser=yes names come from the package libnss-systemd: install it. In a \
         container, run as a user that /etc/passwd knows."
    } else {
        ""
    }
}
