//! The load: connections over mutual TLS that ask, wait for the answer, check it, and ask again.
//!
//! One thread for each core with a runtime of its own. Requests are written and answers read with as
//! little work as HTTP/1.1 allows, since whatever the generator does takes from the server's cores.

use std::net::SocketAddr;
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Each run begins with this, which does not count.
const WARM_UP: Duration = Duration::from_millis(300);
/// Bytes that are asked of a connection at once.
const READ_BYTES: usize = 64 * 1024;

/// What one connection asks, again and again.
pub(crate) trait Exchange: Send + 'static {
    /// Writes the next request, head and body. `false`: there is nothing more to ask.
    fn ask(&mut self, out: &mut Vec<u8>) -> bool;

    /// Looks at the body of the answer; panics if it is not what it must be.
    fn check(&mut self, body: &[u8]);
}

/// Where the load goes.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: ClientConfig,
}

/// What a run measured.
pub(crate) struct Run {
    /// Requests answered in the time that counts.
    pub(crate) answers: u64,
    /// Requests answered at all.
    pub(crate) asked: u64,
    pub(crate) seconds: f64,
    pub(crate) latency_us: Histogram<u64>,
}

impl Run {
    pub(crate) fn per_second(&self) -> f64 {
        self.answers as f64 / self.seconds
    }
}

/// Loads a server through some connections for a time. `exchange` makes what each connection asks.
pub(crate) fn run(
    target: &Target,
    connections: usize,
    time: Duration,
    exchange: impl Fn(usize) -> Box<dyn Exchange> + Sync,
) -> Run {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(connections);
    let (ready, start) = (Barrier::new(threads), OnceLock::new());
    let (ready, start, exchange) = (&ready, &start, &exchange);
    let part = |thread: usize| {
        let numbers = (0..connections).filter(move |number| number % threads == thread);
        let exchanges = numbers.map(exchange).collect();
        let part = Part { target, exchanges, ready, start, time };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(part.run())
    };
    let ended: Vec<Ended> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut latency_us = histogram();
    ended.iter().for_each(|one| latency_us.add(&one.latency_us).unwrap());
    let last = ended.iter().map(|one| one.last).max().unwrap();
    let seconds = last.duration_since(*start.get().unwrap() + WARM_UP).as_secs_f64();
    let asked = ended.iter().map(|one| one.asked).sum();
    Run { answers: latency_us.len(), asked, seconds, latency_us }
}

/// One thread's share of a run.
struct Part<'a> {
    target: &'a Target,
    exchanges: Vec<Box<dyn Exchange>>,
    ready: &'a Barrier,
    start: &'a OnceLock<Instant>,
    time: Duration,
}

struct Ended {
    latency_us: Histogram<u64>,
    asked: u64,
    last: Instant,
}

impl Part<'_> {
    async fn run(self) -> Ended {
        let mut connections = Vec::with_capacity(self.exchanges.len());
        for exchange in self.exchanges {
            connections.push(Connection { stream: connect(self.target).await, exchange, inbox: Inbox::default() });
        }
        self.ready.wait();
        let from = *self.start.get_or_init(Instant::now) + WARM_UP;
        let until = from + self.time;
        let tasks: Vec<_> = connections.into_iter().map(|one| tokio::spawn(one.drive(from, until))).collect();
        let mut all = Ended { latency_us: histogram(), asked: 0, last: from };
        for task in tasks {
            let ended = task.await.unwrap();
            all.latency_us.add(&ended.latency_us).unwrap();
            all.asked += ended.asked;
            all.last = all.last.max(ended.last);
        }
        all
    }
}

struct Connection {
    stream: TlsStream<TcpStream>,
    exchange: Box<dyn Exchange>,
    inbox: Inbox,
}

impl Connection {
    async fn drive(mut self, from: Instant, until: Instant) -> Ended {
        let mut out = Vec::new();
        let mut ended = Ended { latency_us: histogram(), asked: 0, last: from };
        loop {
            out.clear();
            let asked = Instant::now();
            if asked >= until || !self.exchange.ask(&mut out) {
                return ended;
            }
            self.stream.write_all(&out).await.unwrap();
            self.stream.flush().await.unwrap();
            let body = self.inbox.answer(&mut self.stream).await;
            let answered = Instant::now();
            self.exchange.check(body);
            ended.asked += 1;
            if asked >= from {
                let micros = answered.duration_since(asked).as_micros() as u64;
                ended.latency_us.saturating_record(micros);
                ended.last = answered;
            }
        }
    }
}

/// What has come in of an answer.
#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
}

impl Inbox {
    /// Reads one answer, which must be 200 with a length, and nothing behind it.
    async fn answer(&mut self, stream: &mut TlsStream<TcpStream>) -> &[u8] {
        self.filled = 0;
        let head = loop {
            self.more(stream, READ_BYTES).await;
            if let Some(end) = self.bytes[..self.filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let whole = head + body_len(&self.bytes[..head]);
        while self.filled < whole {
            self.more(stream, whole - self.filled).await;
        }
        assert_eq!(self.filled, whole, "more came than was announced");
        &self.bytes[head..whole]
    }

    async fn more(&mut self, stream: &mut TlsStream<TcpStream>, room: usize) {
        if self.bytes.len() < self.filled + room {
            self.bytes.resize(self.filled + room, 0);
        }
        let count = stream.read(&mut self.bytes[self.filled..]).await.unwrap();
        assert!(count > 0, "the connection was closed");
        self.filled += count;
    }
}

fn body_len(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.expect("an answer has a length").parse().unwrap()
}

async fn connect(target: &Target) -> TlsStream<TcpStream> {
    let socket = TcpStream::connect(target.address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let connector = TlsConnector::from(Arc::new(target.tls.clone()));
    connector.connect(ServerName::from(target.address.ip()), socket).await.unwrap()
}

/// Microseconds with three digits, up to a minute.
fn histogram() -> Histogram<u64> {
    const MINUTE_US: u64 = 60_000_000;
    Histogram::new_with_bounds(1, MINUTE_US, 3).unwrap()
}
