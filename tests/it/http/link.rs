//! A line to the database that can be cut or frozen.

use std::net::SocketAddr;

use lmp_billing_sync::store::Store;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::support::lab::Lab;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Whole,
    Frozen,
    Cut,
}

/// Passes bytes on, while it is whole.
pub(super) struct Link {
    pub(super) addr: SocketAddr,
    line: watch::Sender<Line>,
    acceptor: JoinHandle<()>,
}

impl Link {
    /// A link to the lab's database, and a store that uses it.
    pub(super) async fn to(lab: &Lab) -> (Self, Store) {
        let mut url = Url::parse(lab.db.url()).expect("the database has a URL");
        let host = url.host_str().expect("it has a host").to_owned();
        let port = url.port().unwrap_or(5432);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port is to be had");
        let addr = listener.local_addr().expect("it has an address");
        let (line, lines) = watch::channel(Line::Whole);
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, host.clone(), port, lines.clone()));
            }
        });
        url.set_host(Some("127.0.0.1")).expect("an address is a host");
        url.set_port(Some(addr.port())).expect("it takes a port");
        let store = Store::connect(&url.as_str().into(), 2).await.expect("the link works");
        (Self { addr, line, acceptor }, store)
    }

    /// Ends all connections and refuses new ones.
    pub(super) async fn cut(&mut self) {
        self.acceptor.abort();
        // Ends with the listener dropped.
        let _ = (&mut self.acceptor).await;
        self.line.send_replace(Line::Cut);
    }

    /// Takes bytes and connections, and passes nothing on.
    pub(super) fn freeze(&self) {
        self.line.send_replace(Line::Frozen);
    }
}

async fn pass_on(mut client: TcpStream, host: String, port: u16, mut lines: watch::Receiver<Line>) {
    if *lines.borrow() == Line::Whole {
        let Ok(mut server) = TcpStream::connect((host, port)).await else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = lines.wait_for(|line| *line != Line::Whole) => {}
        }
    }
    // Frozen: holds the connection until it is cut, or the test ends.
    let _ = lines.wait_for(|line| *line == Line::Cut).await;
}
