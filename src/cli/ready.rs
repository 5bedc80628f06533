//! `ready`: asks the daemon beside it how it is, for health checks that have nothing else to ask with.
//!
//! An image without a shell has no curl either. One request to this machine's own daemon, in plain
//! HTTP/1.0, which ends where the connection does: too little to be worth a client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::CliError;
use super::output::stdout;
use crate::config::Settings;

/// The daemon gives its database a few seconds before it says that it is away.
const PATIENCE: Duration = Duration::from_secs(20);

/// Far longer than the daemon's answer.
const LONGEST: u64 = 64 * 1024;

/// Ask the running daemon whether it does its work
///
/// For health checks, of containers for example: asks /readyz at http.listen of the settings, writes
/// the answer, and fails unless the database is reachable, its schema current and no job overdue.
#[derive(Debug, Args)]
pub(super) struct ReadyArgs {}

pub(super) async fn ready(settings: &Settings) -> Result<ExitCode, CliError> {
    let Some(listen) = settings.http.listen else {
        let off = "http.listen is \"\", so no daemon can be asked: give it an address and a port";
        return Err(CliError::Unusable(off.to_owned()));
    };
    let (is_ready, body) = ask(listen).await?;
    let mut out = stdout();
    std::io::Write::write_all(&mut out, format!("{}\n", body.trim_end()).as_bytes())?;
    Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks the daemon that listens there: whether it does its work, and its answer.
pub(super) async fn ask(listen: SocketAddr) -> anyhow::Result<(bool, String)> {
    let address = reachable(listen);
    let answer = timeout(PATIENCE, get(address))
        .await
        .map_err(|_| anyhow!("the daemon at {address} does not answer; restart it"))?
        .with_context(|| format!("asking the daemon at {address}: is it running, with these settings?"))?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .filter(|(head, body)| head.starts_with("HTTP/1.") && body.starts_with("{\"ready\":"))
        .ok_or_else(|| anyhow!("what listens at {address} is not the daemon: see http.listen"))?;
    Ok((head.split(' ').nth(1) == Some("200"), body.to_owned()))
}

/// Who listens everywhere is also reached from here.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

async fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:9464", "127.0.0.1:9464"),
            ("[::]:9464", "[::1]:9464"),
            ("10.0.0.7:80", "10.0.0.7:80"),
            ("127.0.0.1:9464", "127.0.0.1:9464"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
