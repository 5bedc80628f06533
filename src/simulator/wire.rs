//! The simulator's end of a TCP connection, which can be made to fail.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Nothing is wrong.
const WHOLE: u8 = 0;
/// Nothing more is written.
const CUT: u8 = 1;
/// A few bytes more, then a reset.
const RESET_SOON: u8 = 2;
/// Nothing more is written, and the connection is reset, not closed.
const RESET: u8 = 3;

/// How many bytes of a response come before a reset in its headers: the status line and a bit.
const BEFORE_RESET: usize = 20;

/// Controls a connection from where its requests are answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Arc<LineState>);

#[derive(Debug, Default)]
struct LineState {
    fate: AtomicU8,
    flushed: Notify,
}

impl Line {
    /// Closes the connection without writing more.
    pub(super) fn cut(&self) {
        self.set(CUT);
    }

    /// Resets the connection after the next few bytes.
    pub(super) fn reset_soon(&self) {
        self.set(RESET_SOON);
    }

    /// Resets the connection.
    pub(super) fn reset(&self) {
        self.set(RESET);
    }

    /// Waits until everything written so far has been given to the operating system.
    pub(super) async fn flushed(&self) {
        self.0.flushed.notified().await;
    }

    fn set(&self, fate: u8) {
        self.0.fate.store(fate, Ordering::SeqCst);
    }

    fn fate(&self) -> u8 {
        self.0.fate.load(Ordering::SeqCst)
    }
}

impl Connected<IncomingStream<'_, WireListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, WireListener>) -> Self {
        stream.io().line.clone()
    }
}

/// Accepts connections.
#[derive(Debug)]
pub(super) struct WireListener(pub(super) TcpListener);

impl Listener for WireListener {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.0).await;
        // A drip must not be gathered into larger packets. Without it the simulator works too.
        let _ = stream.set_nodelay(true);
        (Wire { stream, line: Line::default() }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.line.fate() {
            WHOLE => Pin::new(&mut self.stream).poll_write(cx, bytes),
            RESET_SOON => {
                let few = &bytes[..bytes.len().min(BEFORE_RESET)];
                let written = ready!(Pin::new(&mut self.stream).poll_write(cx, few));
                self.line.reset();
                Poll::Ready(written)
            }
            _ => Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // The HTTP layer flushes once it has nothing left to write.
        self.line.0.flushed.notify_waiters();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end before the reset could be all that the client sees.
        if self.line.fate() == RESET {
            Poll::Ready(Ok(()))
        } else {
            Pin::new(&mut self.stream).poll_shutdown(cx)
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.line.fate() == RESET {
            // Without lingering the close that follows is a reset. If the option cannot be set, the
            // connection has failed by itself.
            let _ = self.stream.set_zero_linger();
        }
    }
}
