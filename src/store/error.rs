//! What can go wrong in the database, and whether doing it again may help.

use sqlx::error::DatabaseError;

use crate::certificate::{self, Flaw};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection URL cannot be read.
    #[error(
        "database.url is not a PostgreSQL URL; it looks like postgres://user:password@host:5432/database"
    )]
    BadUrl,
    /// No connection.
    #[error("cannot reach the database at {target}: {}", unreachable(.source))]
    Unreachable {
        /// Host, port and database.
        target: String,
        /// What the library says.
        source: Box<sqlx::Error>,
    },
    /// A statement failed.
    #[error("{doing}: {}", failed(.source))]
    Statement {
        /// What was being done.
        doing: &'static str,
        /// What the library or the database says.
        source: Box<sqlx::Error>,
    },
    /// A transaction took longer than it may.
    #[error("{doing}: no end after {seconds} s; the database may be frozen or overloaded")]
    Deadline {
        /// What was being done.
        doing: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// The run was marked as ended by another process, so nothing more may be written for it.
    #[error(
        "run {0} is no longer this process's: it was taken for dead after two minutes without a sign of life"
    )]
    RunEnded(i64),
    /// The schema is missing or older than the program, which may not change it.
    #[error(
        "the database's schema is at version {found}, this program needs {needed}; bring it up to date with \
         `lmp-billing-sync migrate`"
    )]
    OldSchema {
        /// Version found; 0 when there is none.
        found: i64,
        /// Version needed.
        needed: i64,
    },
    /// The schema is newer than the program.
    #[error(
        "the database's schema is at version {found}, this program knows {known}; a newer program has been here, \
         use that one"
    )]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// A migration failed; nothing of it remains.
    #[error("cannot bring the schema up to date: {0}; nothing has been changed")]
    Migration(String),
    /// The schema cannot be created; the statements are for the database's administrator.
    #[error(
        "this user may not create the schema; ask the database's administrator to run:\n{statements}\nthen try again"
    )]
    MayNotCreate {
        /// SQL to run.
        statements: String,
    },
    /// Something the database holds is not what the program put there.
    #[error("the database holds {0}, which this program never writes")]
    Unexpected(String),
    /// A report that was taken for new has versions; the next try looks for them.
    #[error("a report that was taken for new is not")]
    NotNew,
    /// The answer is not whole or not believable: the poll has failed, and no other try would help.
    #[error("{0}")]
    NotBelieved(String),
    /// The answer could not be staged.
    #[error("staging the answer stopped: {0}")]
    Staging(String),
}

impl StoreError {
    /// Wraps a library error with what was being done.
    pub(super) fn doing(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Statement { doing, source: Box::new(source) }
    }

    /// Whether two transactions met the same key: on the next try one of them sees the other's row.
    pub(super) fn is_conflict(&self) -> bool {
        match self {
            Self::NotNew => true,
            Self::Statement { source, .. } => {
                source.as_database_error().is_some_and(DatabaseError::is_unique_violation)
            }
            _ => false,
        }
    }

    /// Whether the database is at fault as a whole, so that other work would fail in the same way: not where
    /// somebody else's lock was in the way.
    pub fn is_outage(&self) -> bool {
        self.is_transient() && !self.is_conflict() && !self.is_contention()
    }

    fn is_contention(&self) -> bool {
        let Self::Statement { source, .. } = self else { return false };
        let code = source.as_database_error().and_then(DatabaseError::code);
        code.is_some_and(|code| [LOCK_TIMEOUT, "40001", "40P01", "57014"].contains(&&*code))
    }

    /// Whether the whole transaction may be done again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } | Self::Statement { source, .. } => is_transient(source),
            Self::Deadline { .. } | Self::NotNew => true,
            _ => false,
        }
    }

    /// Whether somebody else's lock was waited for in vain.
    pub(super) fn is_lock_timeout(&self) -> bool {
        let Self::Statement { source, .. } = self else { return false };
        source.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == LOCK_TIMEOUT)
    }
}

/// SQLSTATE `lock_not_available`.
const LOCK_TIMEOUT: &str = "55P03";

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed
        // The server hung up in the middle of a message.
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_transient_code(&code)),
        _ => false,
    }
}

fn is_transient_code(code: &str) -> bool {
    // Whole classes: connection trouble, lack of resources (disk full too), an operator's intervention
    // (shutdown, crash recovery, cancelled statement).
    ["08", "53", "57"].contains(&code.get(..2).unwrap_or_default())
        || [
            "25P03", // we were frozen in mid-transaction for too long
            "25006", // a read-only standby: after a failover the next connection finds the primary
            "40001", // serialisation failure
            "40P01", // deadlock
            LOCK_TIMEOUT,
            "23505", // two polls met the same new row; on the next try it is there to be seen
        ]
        .contains(&code)
}

/// What a person needs: the database's own words with its hint, or the innermost cause.
fn unreachable(error: &sqlx::Error) -> String {
    if let Some((flaw, problem)) = certificate::problem(error) {
        let advice = match flaw {
            Flaw::Dates => {
                "check this machine's clock (NTP); if it is right, the certificate has to be renewed"
            }
            Flaw::Name => {
                "another server answers there, or it is known by another name; check the host in database.url"
            }
            Flaw::Signature => "name the authority that has signed it in database.url (sslrootcert=FILE)",
            Flaw::Other => "the server's operator has to replace the certificate",
        };
        return format!("its certificate is not trusted: {problem}; {advice}");
    }
    let cause = cause(error);
    match error {
        sqlx::Error::Tls(problem) if problem.to_string().contains("does not support TLS") => format!(
            "{cause}; switch ssl on in the server, for database.url asks for no less (sslmode); nothing has been sent"
        ),
        sqlx::Error::Tls(_) => format!("{cause}; check sslmode and sslrootcert in database.url"),
        sqlx::Error::Database(error) if advice(error.as_ref()).is_some() => cause,
        _ => format!("{cause}; check database.url, and that PostgreSQL runs there"),
    }
}

/// The same for what an open connection was asked.
fn failed(error: &sqlx::Error) -> String {
    let cause = cause(error);
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => {
            format!(
                "the connection to the database broke ({cause}); that passes where PostgreSQL was restarted"
            )
        }
        _ => cause,
    }
}

fn cause(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => database_words(error.as_ref()),
        sqlx::Error::PoolTimedOut => {
            "no connection became free in time (all in use, or the server does not answer)".to_owned()
        }
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn database_words(error: &dyn DatabaseError) -> String {
    let code = error.code().unwrap_or_default();
    let advice = advice(error).map(|advice| format!("; {advice}")).unwrap_or_default();
    format!("{} (SQLSTATE {code}){advice}", error.message())
}

/// What to do about what the database says.
fn advice(error: &dyn DatabaseError) -> Option<&'static str> {
    Some(match &*error.code()? {
        "42501" => {
            "`lmp-billing-sync migrate` as the schema's owner grants what a member of lmp_billing_sync needs; else grant \
             it to the user in database.url"
        }
        "28P01" | "28000" => "check user and password in database.url",
        "3D000" => "create it, or check the name in database.url",
        "53100" => "free some disk space on the database server",
        "53300" => "lower database.max_connections, or allow more",
        "25006" => "this server is a read-only standby, connect to the primary",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_tried_again_and_what_does_not_is_not() {
        for code in ["40001", "40P01", "55P03", "57P01", "57P03", "53300", "53100", "08006", "25006", "23505"]
        {
            assert!(is_transient_code(code), "{code}");
        }
        for code in ["42501", "42P01", "23514", "22P05", "28P01", "3D000", ""] {
            assert!(!is_transient_code(code), "{code}");
        }
    }
}
