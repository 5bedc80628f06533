//! One connection through the proxy.

use std::collections::HashMap;
use std::future::pending;
use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;

use super::trap::{Armed, Verdict};
use super::wire::{Message, Reader};
use super::{Held, Kind, Request, Shared, When};

struct Link<'s> {
    shared: &'s Shared,
    client: OwnedWriteHalf,
    server: OwnedWriteHalf,
    /// Prepared statements by their names.
    prepared: HashMap<String, String>,
    /// Messages of the client that are not yet a whole request.
    begun: Vec<u8>,
    kind: Kind,
    sql: String,
    /// The last statement with an effect of its own.
    last: String,
    /// A request whose answer is held back, and that answer as far as it has come.
    holding: Option<(Armed, Request)>,
    answer: Vec<u8>,
}

/// Passes on what comes from either side until one of them ends.
pub(super) async fn serve(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let upstream = *shared.upstream.lock().unwrap();
    let server = TcpStream::connect(upstream).await?;
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
    }
    let (from_client, client) = client.into_split();
    let (from_server, server) = server.into_split();
    let (mut from_client, mut from_server) = (Reader::new(from_client), Reader::new(from_server));
    let mut link = Link {
        shared,
        client,
        server,
        prepared: HashMap::new(),
        begun: Vec::new(),
        kind: Kind::Ping,
        sql: String::new(),
        last: String::new(),
        holding: None,
        answer: Vec::new(),
    };
    let startup = from_client.startup().await?;
    link.unless_frozen().await;
    link.server.write_all(&startup).await?;
    loop {
        tokio::select! {
            message = from_client.next() => {
                let message = message?;
                link.unless_frozen().await;
                link.asked(message).await?;
            }
            message = from_server.next() => {
                let message = message?;
                link.unless_frozen().await;
                link.answered(message).await?;
            }
        }
    }
}

impl Link<'_> {
    async fn unless_frozen(&self) {
        // The sender lives as long as the link.
        let _ = self.shared.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }

    async fn asked(&mut self, message: Message) -> io::Result<()> {
        let whole = match message.tag {
            b'Q' => {
                (self.kind, self.sql) = (Kind::Simple, message.query());
                true
            }
            b'P' => {
                let (name, sql) = message.prepared();
                (self.kind, self.sql) = (Kind::Prepare, sql.clone());
                self.prepared.insert(name, sql);
                false
            }
            b'B' => {
                let sql = self.prepared.get(&message.bound()).cloned();
                (self.kind, self.sql) = (Kind::Execute, sql.unwrap_or_default());
                false
            }
            b'c' | b'f' => {
                self.kind = Kind::CopyEnd;
                self.sql = format!("end of {}", self.last);
                true
            }
            b'S' => true,
            // Passwords, rows, farewells.
            b'p' | b'd' | b'X' => return self.server.write_all(&message.bytes).await,
            _ => false,
        };
        self.begun.extend_from_slice(&message.bytes);
        if whole { self.request().await } else { Ok(()) }
    }

    async fn request(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.begun);
        let kind = std::mem::replace(&mut self.kind, Kind::Ping);
        let sql = std::mem::take(&mut self.sql);
        let request = {
            let mut passed = self.shared.passed.lock().unwrap();
            let request = Request { number: passed.len(), kind, sql, after: self.last.clone() };
            passed.push(request.clone());
            request
        };
        if kind != Kind::Ping && !request.is_commit() && !request.begins("deallocate") {
            self.last.clone_from(&request.sql);
        }
        match self.trapped(&request) {
            Some(armed) if armed.when == When::Before => {
                self.judged(armed, request).await?;
                self.server.write_all(&bytes).await
            }
            Some(armed) => {
                self.holding = Some((armed, request));
                self.server.write_all(&bytes).await
            }
            None => self.server.write_all(&bytes).await,
        }
    }

    fn trapped(&self, request: &Request) -> Option<Armed> {
        let mut traps = self.shared.traps.lock().unwrap();
        let at = traps.iter_mut().position(|armed| (armed.picks)(request))?;
        Some(traps.swap_remove(at))
    }

    /// Waits for what the test says of a request.
    async fn judged(&self, armed: Armed, request: Request) -> io::Result<()> {
        let (held, verdict): (Held, oneshot::Receiver<Verdict>) = Held::new(request);
        if armed.tell.send(held).is_err() {
            // Nobody waits for it any more.
            return Ok(());
        }
        match verdict.await {
            Ok(Verdict::Pass) => Ok(()),
            Ok(Verdict::Freeze) => pending().await,
            Err(_) => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    async fn answered(&mut self, message: Message) -> io::Result<()> {
        const READY: u8 = b'Z';
        const SEND_ROWS: u8 = b'G';
        if message.tag == b'E'
            && let Some(sqlstate) = message.sqlstate()
        {
            self.shared.errors.lock().unwrap().push(sqlstate);
        }
        if self.holding.is_none() {
            return self.client.write_all(&message.bytes).await;
        }
        self.answer.extend_from_slice(&message.bytes);
        if [READY, SEND_ROWS].contains(&message.tag)
            && let Some((armed, request)) = self.holding.take()
        {
            self.judged(armed, request).await?;
            let answer = std::mem::take(&mut self.answer);
            self.client.write_all(&answer).await?;
        }
        Ok(())
    }
}
