//! Whether the daemon can have, or has, the address for its endpoints.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

use super::super::ready;
use super::findings::Findings;
use crate::config::Settings;

const SUBJECT: &str = "http";

/// The first port that needs no privilege.
const UNPRIVILEGED: u16 = 1024;

pub(super) async fn check(findings: &mut Findings, settings: &Settings, offline: bool) {
    let Some(address) = settings.http.listen else {
        findings.good(SUBJECT, "off: no status page, no metrics (http.listen = \"\")");
        return;
    };
    match try_bind(address) {
        Ok(()) if (1..UNPRIVILEGED).contains(&address.port()) => findings.warn(
            SUBJECT,
            &format!(
                "http.listen = {address} can be had by who runs this; a daemon without CAP_NET_BIND_SERVICE cannot \
                 have a port under {UNPRIVILEGED}"
            ),
        ),
        Ok(()) => findings.good(SUBJECT, &format!("{address} is free; no daemon uses it now{}", seen_by(address))),
        Err(error) if error.kind() == ErrorKind::AddrInUse && offline => {
            let taken = format!("http.listen = {address} is in use: by the daemon, if it runs, or by another program");
            findings.warn(SUBJECT, &taken);
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => in_use(findings, address).await,
        Err(error) => findings.bad(
            SUBJECT,
            &format!("cannot listen on http.listen = {address}: {error}; choose another address, or \"\" to turn it off"),
        ),
    }
}

/// Takes the address without listening there, so that a daemon that starts at this moment gets it too.
fn try_bind(address: SocketAddr) -> std::io::Result<()> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

/// Who else may look.
fn seen_by(address: SocketAddr) -> &'static str {
    if address.ip().is_loopback() { "" } else { "; there is no login: whoever reaches it sees all" }
}

async fn in_use(findings: &mut Findings, address: SocketAddr) {
    match ready::ask(address).await {
        Ok(_) => findings.good(SUBJECT, &format!("a daemon serves http://{address}/{}", seen_by(address))),
        Err(_) => findings.bad(
            SUBJECT,
            &format!(
                "http.listen = {address} is taken, and not by the daemon (`ss -ltnp` shows by whom); end that, or choose \
                 another address"
            ),
        ),
    }
}
