//! A server that does to the letter, and to the byte, what a script says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lmp_billing_sync::simulator::SimReport;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What is done once a request has been read. After the last act the next request is awaited on the same line.
#[derive(Clone)]
pub(crate) enum Act {
    Send(Vec<u8>),
    /// One byte at a time.
    Drip(Vec<u8>, Duration),
    /// Says nothing more, and holds the line until the client hangs up.
    Hang,
    /// Hangs up in good order.
    Close,
    /// Tears the line down (RST).
    Reset,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Which connection it came on, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) at: Instant,
}

#[derive(Default)]
struct Seen {
    lines: usize,
    asked: Vec<Asked>,
    /// Connections that have ended.
    ended: usize,
}

pub(crate) struct Upstream {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Seen>>,
    ended: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

type Script = Arc<dyn Fn(usize) -> Vec<Act> + Send + Sync>;

impl Upstream {
    /// Does for the request of each number, counted from 0, what the script says.
    pub(crate) async fn new(script: impl Fn(usize) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(script), None).await
    }

    /// The same for every request.
    pub(crate) async fn always(acts: Vec<Act>) -> Self {
        Self::new(move |_| acts.clone()).await
    }

    /// The same behind TLS.
    pub(crate) async fn tls(tls: rustls::ServerConfig, acts: Vec<Act>) -> Self {
        Self::start(Arc::new(move |_| acts.clone()), Some(Arc::new(tls).into())).await
    }

    async fn start(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port is to be had");
        let address = listener.local_addr().expect("it has an address");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (ending, ended) = watch::channel(0);
        let ending = Arc::new(ending);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whatever is dropped without being closed before is a reset.
                stream.set_zero_linger().expect("a socket takes it");
                let line = {
                    let mut seen = noted.lock().unwrap();
                    seen.lines += 1;
                    seen.lines
                };
                let (script, noted, tls) = (Arc::clone(&script), Arc::clone(&noted), tls.clone());
                let ending = Arc::clone(&ending);
                tokio::spawn(async move {
                    // A client that has seen enough hangs up: no fault of the server's.
                    let _ = serve(stream, tls, line, &script, &noted).await;
                    noted.lock().unwrap().ended += 1;
                    ending.send_modify(|count| *count += 1);
                });
            }
        });
        Self { address, scheme, seen, ended, task }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// How often somebody has connected.
    pub(crate) fn lines(&self) -> usize {
        self.seen.lock().unwrap().lines
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().asked.clone()
    }

    /// Waits until so many connections have ended.
    pub(crate) async fn ended(&mut self, count: usize) {
        self.ended.wait_for(|ended| *ended >= count).await.expect("the server lives");
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    line: usize,
    script: &Script,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let mut stream: Box<dyn Stream> = match tls {
        Some(tls) => Box::new(tls.accept(stream).await?),
        None => Box::new(stream),
    };
    while let Some(text) = request(&mut stream).await? {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.asked.push(Asked { line, text, at: Instant::now() });
            seen.asked.len() - 1
        };
        for act in script(number) {
            match act {
                Act::Send(bytes) => {
                    stream.write_all(&bytes).await?;
                    stream.flush().await?;
                }
                Act::Drip(bytes, pause) => {
                    for byte in bytes {
                        stream.write_all(&[byte]).await?;
                        stream.flush().await?;
                        tokio::time::sleep(pause).await;
                    }
                }
                Act::Hang => return hung_up(&mut stream).await,
                Act::Close => {
                    stream.shutdown().await?;
                    return hung_up(&mut stream).await;
                }
                Act::Reset => return Ok(()),
            }
        }
    }
    Ok(())
}

/// Reads a request; `None` if the client hangs up instead.
async fn request(stream: &mut Box<dyn Stream>) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |value| value.parse().expect("a number"));
            if body.len() >= length {
                return Ok(Some(text.into_owned()));
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

async fn hung_up(stream: &mut Box<dyn Stream>) -> std::io::Result<()> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

fn header<'t>(head: &'t str, name: &str) -> Option<&'t str> {
    let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// An answer with its length.
pub(crate) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    answer_of_length(status, headers, body, body.len())
}

/// An answer that says that it has this length.
pub(crate) fn answer_of_length(status: &str, headers: &[&str], body: &[u8], length: usize) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

pub(crate) const JSON: &str = "content-type: application/json; charset=utf-8";

/// A good answer.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", &[JSON], body.as_bytes())
}

/// The body that lists these reports.
pub(crate) fn list(reports: &[SimReport]) -> String {
    let entries: Vec<_> = reports
        .iter()
        .map(|report| {
            json!({
                "id": report.id, "partner_company_name": report.partner_company_name,
                "start_date": report.start_date, "end_date": report.end_date,
                "status": report.status, "under_review_status": report.under_review_status,
            })
        })
        .collect();
    json!({ "reports": entries }).to_string()
}

/// A moment as HTTP writes it.
pub(crate) fn http_date(from_now: chrono::TimeDelta) -> String {
    use lmp_billing_sync::clock::{Clock as _, SystemClock};
    (SystemClock.now() + from_now).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
