//! Hosts that nobody finds, that refuse, and that swallow everything.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::subject::{Expected, Subject};

const ADVICE: [&str; 2] =
    ["no connection to LMP at ", "check the network, the proxy and accounts.<name>.base_url"];

#[tokio::test]
async fn a_name_nobody_knows_is_looked_up_again_and_then_told() {
    let mut subject = Subject::new().await;
    subject.ask_at("https://lmp.invalid", |options| options.max_attempts = 2);
    let words = ["no connection to LMP at lmp.invalid: ", ADVICE[1]];
    subject.fails("no such name", Expected { status: None, attempts: 2, words: &words }).await;
    subject.converges().await;
}

#[tokio::test]
async fn a_port_that_refuses_is_tried_again_and_then_told() {
    let mut subject = Subject::new().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // Bound and not listening: nobody else gets it, and it refuses.
    let refusing = format!("http://{}", socket.local_addr().unwrap());
    subject.ask_at(&refusing, |options| options.max_attempts = 2);
    let words = [ADVICE[0], ADVICE[1], "refused"];
    subject.fails("refused", Expected { status: None, attempts: 2, words: &words }).await;
    subject.converges().await;
}

/// A port whose queue is full: the kernel drops whoever else wants to connect, without a word.
async fn black_hole() -> (SocketAddr, Vec<TcpStream>, tokio::net::TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
        waiting.push(connected.expect("it connects or is dropped"));
        assert!(waiting.len() < 100, "the queue takes everybody");
    }
    (address, waiting, listener)
}

#[tokio::test]
async fn a_black_hole_is_given_up_within_the_deadline_and_told_as_what_it_is() {
    let mut subject = Subject::new().await;
    let (address, waiting, listener) = black_hole().await;
    subject.ask_at(&format!("http://{address}"), |options| {
        options.request_timeout = Duration::from_secs(2);
        options.max_attempts = 2;
    });
    let start = Instant::now();
    let words = [ADVICE[0], "nobody answers at its address", ADVICE[1]];
    subject.fails("a black hole", Expected { status: None, attempts: 2, words: &words }).await;
    // Two attempts of a second each, and the backoff between them.
    assert!(start.elapsed() >= Duration::from_millis(2500), "{:?}", start.elapsed());
    drop((waiting, listener));
    subject.converges().await;
}
