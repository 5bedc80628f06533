//! How the database is reached, as far as its URL tells: before, and without, any connection.

use std::net::IpAddr;
use std::str::FromStr as _;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::StoreError;

/// The way to the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Host, port and database, without user and password.
    pub target: String,
    /// The user who logs in.
    pub user: String,
    /// Whether it stays on this machine: a socket, or a loopback address.
    pub is_local: bool,
    /// The URL's `sslmode`, or the environment's, as PostgreSQL spells it.
    pub ssl_mode: &'static str,
    /// Whether the mode makes sure who the server is: its certificate and its name.
    pub verifies_server: bool,
}

impl Route {
    /// Reads a URL; nothing is connected.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(url: &SecretString) -> Result<Self, StoreError> {
        // The library's message may quote the URL, which holds the password.
        let options = PgConnectOptions::from_str(url.expose_secret()).map_err(|_| StoreError::BadUrl)?;
        Ok(Self::from(&options))
    }

    /// What is wrong with the way to another machine, and what to do about it; `tls` is the version of
    /// TLS on a connection that was made.
    pub fn concern(&self, tls: Option<&str>) -> Option<String> {
        if self.is_local {
            return None;
        }
        let Some(version) = tls else {
            return Some(format!(
                "the connection to another machine is NOT encrypted (sslmode={}): whoever listens on the way \
                 reads partners' names; use sslmode=verify-full in database.url, and switch ssl on in the server",
                self.ssl_mode
            ));
        };
        self.unverified().map(|unverified| format!("{version}, but {unverified}"))
    }

    /// What the URL alone tells to be wrong with the way to another machine.
    pub fn unverified(&self) -> Option<String> {
        (!self.is_local && !self.verifies_server).then(|| {
            format!(
                "sslmode={} does not make sure who answers; use sslmode=verify-full in database.url (with \
                 sslrootcert=FILE for a CA of your own)",
                self.ssl_mode
            )
        })
    }
}

impl From<&PgConnectOptions> for Route {
    fn from(options: &PgConnectOptions) -> Self {
        let (ssl_mode, verifies_server) = match options.get_ssl_mode() {
            PgSslMode::Disable => ("disable", false),
            PgSslMode::Allow => ("allow", false),
            PgSslMode::Prefer => ("prefer", false),
            PgSslMode::Require => ("require", false),
            PgSslMode::VerifyCa => ("verify-ca", false),
            PgSslMode::VerifyFull => ("verify-full", true),
        };
        Self {
            target: target(options),
            user: options.get_username().to_owned(),
            is_local: options.get_socket().is_some() || is_local(options.get_host()),
            ssl_mode,
            verifies_server,
        }
    }
}

/// Host, port and database of connect options.
pub(super) fn target(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}

fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.starts_with('/') || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_loopback_addresses_are_on_this_machine_and_nothing_else_is() {
        for (host, local) in [
            ("127.0.0.1", true),
            ("[::1]", true),
            ("localhost", true),
            ("db.example.com", false),
            ("10.0.0.1", false),
            ("localhost.example.com", false),
            ("0.0.0.0", false),
        ] {
            let route = Route::of(&format!("postgres://u:p@{host}:1/d").into()).unwrap();
            assert_eq!(route.is_local, local, "{host}");
            assert!(!format!("{route:?}").contains(":p@"));
        }
        let socket = Route::of(&"postgres:///d?user=u&host=/run/postgresql".to_owned().into()).unwrap();
        assert!(socket.is_local);
    }

    #[test]
    fn only_verify_full_makes_sure_who_answers() {
        let route = |mode: &str| Route::of(&format!("postgres://u@h/d?sslmode={mode}").into()).unwrap();
        for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
            assert!(!route(mode).verifies_server, "{mode}");
            assert_eq!(route(mode).ssl_mode, mode);
        }
        assert!(route("verify-full").verifies_server);
    }
}
