//! One connection, from handshake to its end.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use coffer_keys::wipe_whole_stack;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustix::process::Resource;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::Tls;
use super::activity::{Activity, Held, Spent};
use crate::admit::{PeerCertificate, Seat, UnderWay};
use crate::config::Deadlines;
use crate::serve::Door;
use crate::serve::routes::Peer;

/// Connections at one time, at most.
const CONNECTIONS_MAX: u64 = 4_096;
/// Descriptors that connections leave to the store, the head and the rest of the process. A store that cannot open a file
/// cannot write, and a vault that cannot write ends.
const DESCRIPTORS_KEPT: u64 = 512;
/// Whatever the process may open, so many connections are tried to be served.
const CONNECTIONS_MIN: u64 = 64;
/// A handshake takes at most this.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's head, at most: a token, twice over.
const HEAD_BYTES_MAX: u32 = 16 << 10;
/// HTTP/2 streams of one connection at one time, at most.
const STREAMS_MAX: u32 = 128;
/// Bytes that one HTTP/2 connection may have sent ahead of being read, at most, and one of its streams.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// Bytes of an answer that wait in one HTTP/2 stream, at most: the rest is held where it counts as under way.
const SEND_BYTES_MAX: usize = 64 << 10;
/// Streams that a caller has taken back and that are not done with; beyond, the connection ends (CVE-2023-44487).
const RESET_STREAMS_MAX: usize = 64;
/// Within an idle deadline, a silent HTTP/2 connection is asked so often whether somebody is there.
const PINGS_PER_IDLE: u32 = 3;
/// How often is looked whether a connection is still to be kept.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A connection that is not kept any longer may finish what is under way within this.
const FAREWELL_TIME: Duration = Duration::from_secs(5);
/// A connection above its application's limit is told so within this.
const TOLD_TIME: Duration = Duration::from_secs(2);
/// What is under way when the vault stops may take at most this.
const DRAIN_TIME: Duration = Duration::from_secs(20);
/// Bits of an address that the operator's log shows.
const IPV4_BITS: u32 = 24;
const IPV6_BITS: u32 = 48;
/// So that a full table of descriptors is not asked without pause.
pub(super) const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(50);

/// What all workers share.
pub(super) struct Limits {
    connections: Arc<Semaphore>,
    /// Of those, one application has at most half: the console that revokes it comes in all the same.
    of_one_application: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let descriptors = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let connections = connections_for(descriptors) as usize;
        Limits { connections: Arc::new(Semaphore::new(connections)), of_one_application: connections / 2 }
    }
}

/// As many as the descriptors that this process may have open.
fn connections_for(descriptors: u64) -> u64 {
    descriptors.saturating_sub(DESCRIPTORS_KEPT).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

/// One thread's share of the connections.
pub(super) struct Worker {
    pub(super) tls: Arc<Tls>,
    pub(super) guests: Guests,
    pub(super) limits: Arc<Limits>,
    pub(super) stopped: watch::Receiver<bool>,
}

/// What connections are served with.
#[derive(Clone)]
pub(super) struct Guests {
    /// Who may come in; `None`: whoever the authority has signed for.
    pub(super) door: Option<Door>,
    pub(super) router: Router,
    pub(super) deadlines: Deadlines,
}

impl Worker {
    /// Serves the sockets that it is handed until it is stopped; then what is under way may finish.
    pub(super) async fn serve(self, mut sockets: mpsc::UnboundedReceiver<(TcpStream, SocketAddr)>) {
        let mut connections = JoinSet::new();
        let mut stopped = self.stopped.clone();
        // Without a door there are no keys, and nobody asks.
        let (_nobody, never) = mpsc::unbounded_channel();
        let mut stack = self.guests.door.as_ref().map_or(never, Door::stack);
        loop {
            tokio::select! {
                socket = sockets.recv() => match socket {
                    Some((socket, address)) => self.start(socket, address, &mut connections),
                    None => break,
                },
                Some(_) = connections.join_next() => {}
                Some(wiped) = stack.recv() => {
                    wipe_whole_stack();
                    // Who asked may have gone.
                    let _ = wiped.send(());
                }
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
        let drained = tokio::time::timeout(DRAIN_TIME, async { while connections.join_next().await.is_some() {} });
        if drained.await.is_err() {
            tracing::warn!("connections were cut that did not end in time");
        }
        if let Some(door) = &self.guests.door {
            door.settle().await;
        }
    }

    fn start(&self, socket: TcpStream, address: SocketAddr, connections: &mut JoinSet<()>) {
        let Ok(permit) = Arc::clone(&self.limits.connections).try_acquire_owned() else {
            tracing::warn!(from = network(address), "too many connections; one was turned away");
            return;
        };
        match tokio::net::TcpStream::from_std(socket) {
            Ok(socket) => {
                // Answers are small and awaited: no waiting to fill a segment.
                let _ = socket.set_nodelay(true);
                let tls = Arc::clone(&self.tls.read().unwrap_or_else(PoisonError::into_inner));
                let connection = Connection {
                    acceptor: TlsAcceptor::from(tls),
                    guests: self.guests.clone(),
                    limits: Arc::clone(&self.limits),
                    stopped: self.stopped.clone(),
                    address,
                };
                connections.spawn(async move {
                    connection.serve(socket).await;
                    drop(permit);
                });
            }
            Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
        }
    }
}

/// One connection, before its handshake.
struct Connection {
    acceptor: TlsAcceptor,
    guests: Guests,
    limits: Arc<Limits>,
    stopped: watch::Receiver<bool>,
    address: SocketAddr,
}

impl Connection {
    async fn serve(self, socket: tokio::net::TcpStream) {
        let from = network(self.address);
        let stream = match tokio::time::timeout(HANDSHAKE_TIME, self.acceptor.accept(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::info!(from, %error, "handshake refused"),
            Err(_) => return tracing::info!(from, "handshake took too long"),
        };
        let session = stream.get_ref().1;
        let is_http2 = session.alpn_protocol() == Some(b"h2");
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let Some(Ok(certificate)) = certificate.map(|der| PeerCertificate::parse(der)) else {
            return tracing::info!(from, "the client certificate names no application");
        };
        let door = self.guests.door.as_ref();
        let seat = door.map(|door| door.quota(&certificate).0.connect(self.limits.of_one_application));
        if matches!(seat, Some(None)) {
            return tracing::info!(from, "too many connections of one application; one was turned away");
        }
        let seat = seat.flatten();
        let is_above = seat.as_ref().is_some_and(|seat| seat.is_above);
        let peer = Peer { certificate: Arc::new(certificate), address: self.address, is_above };
        let activity = Activity::new(Instant::now());
        let watch = Watch {
            stopped: self.stopped,
            was_welcome: door.is_some_and(|door| door.is_welcome(&peer.certificate)),
            door: door.cloned(),
            peer: Arc::clone(&peer.certificate),
            seat,
            activity: Arc::clone(&activity),
            deadlines: self.guests.deadlines,
        };
        let ended = talk(TokioIo::new(stream), is_http2, self.guests.router, peer, activity, watch).await;
        if let Err(error) = ended {
            tracing::debug!(from, %error, "the connection ended early");
        }
    }
}

/// HTTP on a connection, until one of the two ends it.
async fn talk(
    io: TokioIo<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>,
    is_http2: bool,
    router: Router,
    peer: Peer,
    activity: Arc<Activity>,
    watch: Watch,
) -> hyper::Result<()> {
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let begun = activity.begin(Instant::now());
        let answer = router.clone().oneshot(request);
        async move {
            let mut response = answer.await?;
            let under_way = response.extensions_mut().remove::<UnderWay>();
            Ok::<_, Infallible>(response.map(|body| Held::new(body, begun, under_way)))
        }
    });
    let Deadlines { head, idle, .. } = watch.deadlines;
    if is_http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_BYTES_MAX)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .max_send_buf_size(SEND_BYTES_MAX)
            .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
            .max_local_error_reset_streams(RESET_STREAMS_MAX)
            .keep_alive_interval(idle / PINGS_PER_IDLE)
            .keep_alive_timeout(head);
        drive(builder.serve_connection(io, service), watch, |connection| connection.graceful_shutdown()).await
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(head).max_header_size(HEAD_BYTES_MAX as usize);
        drive(builder.serve_connection(io, service), watch, |connection| connection.graceful_shutdown()).await
    }
}

/// Where somebody comes from, for the operator's log: the network, since an address names a person's machine. The whole of it
/// stands in the private part of leaves alone.
fn network(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            format!("{}/{IPV4_BITS}", Ipv4Addr::from_bits(ip.to_bits() >> (32 - IPV4_BITS) << (32 - IPV4_BITS)))
        }
        IpAddr::V6(ip) => {
            format!("{}/{IPV6_BITS}", Ipv6Addr::from_bits(ip.to_bits() >> (128 - IPV6_BITS) << (128 - IPV6_BITS)))
        }
    }
}

/// What ends a connection beside its caller.
struct Watch {
    stopped: watch::Receiver<bool>,
    door: Option<Door>,
    peer: Arc<PeerCertificate>,
    /// Whether it was one of an application that may come in when it was made. Who was not is told so on each request.
    was_welcome: bool,
    seat: Option<Seat>,
    activity: Arc<Activity>,
    deadlines: Deadlines,
}

/// How long a connection that ends may still finish what is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Farewell {
    /// As long as the vault waits for all of them.
    Stopping,
    Within(Duration),
    /// No longer: nobody takes the answer.
    None,
}

impl Watch {
    /// Returns once the connection is to end.
    async fn over(&mut self) -> Farewell {
        if self.seat.as_ref().is_some_and(|seat| seat.is_above) {
            tokio::time::sleep(TOLD_TIME).await;
            return Farewell::None;
        }
        loop {
            tokio::select! {
                _ = self.stopped.wait_for(|stop| *stop) => return Farewell::Stopping,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if self.was_welcome && !self.is_welcome() {
                return Farewell::Within(FAREWELL_TIME);
            }
            match self.activity.spent(&self.deadlines, Instant::now()) {
                Some(Spent::Idle) => return Farewell::Within(FAREWELL_TIME),
                Some(Spent::Stalled) => return Farewell::None,
                None => {}
            }
        }
    }

    /// Whether its application may still come in: neither ended nor revoked.
    fn is_welcome(&self) -> bool {
        self.door.as_ref().is_none_or(|door| door.is_welcome(&self.peer))
    }
}

/// Runs a connection to its end, or until it is not kept any longer; then what is under way may finish.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    mut watch: Watch,
    shut_down: impl Fn(std::pin::Pin<&mut C>),
) -> hyper::Result<()> {
    let mut connection = std::pin::pin!(connection);
    let farewell = tokio::select! {
        ended = connection.as_mut() => return ended,
        farewell = watch.over() => farewell,
    };
    shut_down(connection.as_mut());
    match farewell {
        Farewell::Stopping => connection.await,
        Farewell::Within(time) => tokio::time::timeout(time, connection).await.unwrap_or(Ok(())),
        Farewell::None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_log_shows_networks_and_no_addresses() {
        let shown = |text: &str| network(text.parse().unwrap());
        assert_eq!(shown("192.0.2.77:5000"), "192.0.2.0/24");
        assert_eq!(shown("[2001:db8:1:2:3:4:5:6]:5000"), "2001:db8:1::/48");
        assert_eq!(shown("[::ffff:192.0.2.77]:5000"), "192.0.2.0/24");
    }

    #[test]
    fn connections_leave_the_store_its_descriptors() {
        assert_eq!(connections_for(1_024), 512);
        assert_eq!(connections_for(u64::MAX), CONNECTIONS_MAX);
        assert_eq!(connections_for(0), CONNECTIONS_MIN);
    }
}
