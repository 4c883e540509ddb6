//! One connection, from handshake to its end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustix::process::Resource;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::Tls;
use crate::admit::PeerCertificate;
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
/// A request's head comes within this.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// HTTP/2 streams of one connection at one time, at most.
const STREAMS_MAX: u32 = 128;
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
}

impl Default for Limits {
    fn default() -> Self {
        let descriptors = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let connections = connections_for(descriptors);
        Limits { connections: Arc::new(Semaphore::new(connections as usize)) }
    }
}

/// As many as the descriptors that this process may have open.
fn connections_for(descriptors: u64) -> u64 {
    descriptors.saturating_sub(DESCRIPTORS_KEPT).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

/// One thread's share of the connections.
pub(super) struct Worker {
    pub(super) tls: Arc<Tls>,
    pub(super) router: Router,
    pub(super) limits: Arc<Limits>,
    pub(super) stopped: watch::Receiver<bool>,
}

impl Worker {
    /// Serves the sockets that it is handed until it is stopped; then what is under way may finish.
    pub(super) async fn serve(self, mut sockets: mpsc::UnboundedReceiver<(TcpStream, SocketAddr)>) {
        let mut connections = JoinSet::new();
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                socket = sockets.recv() => match socket {
                    Some((socket, address)) => self.start(socket, address, &mut connections),
                    None => break,
                },
                Some(_) = connections.join_next() => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
        let drained = tokio::time::timeout(DRAIN_TIME, async { while connections.join_next().await.is_some() {} });
        if drained.await.is_err() {
            tracing::warn!("connections were cut that did not end in time");
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
                let (acceptor, router, stopped) = (TlsAcceptor::from(tls), self.router.clone(), self.stopped.clone());
                connections.spawn(connection(acceptor, router, stopped, socket, address, permit));
            }
            Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
        }
    }
}

async fn connection(
    acceptor: TlsAcceptor,
    router: Router,
    stopped: watch::Receiver<bool>,
    socket: tokio::net::TcpStream,
    address: SocketAddr,
    _permit: OwnedSemaphorePermit,
) {
    let stream = match tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::info!(from = network(address), %error, "handshake refused"),
        Err(_) => return tracing::info!(from = network(address), "handshake took too long"),
    };
    let session = stream.get_ref().1;
    let is_http2 = session.alpn_protocol() == Some(b"h2");
    let certificate = session.peer_certificates().and_then(|chain| chain.first());
    let Some(Ok(certificate)) = certificate.map(|der| PeerCertificate::parse(der)) else {
        return tracing::info!(from = network(address), "the client certificate names no application");
    };
    let peer = Peer { certificate: Arc::new(certificate), address };
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let io = TokioIo::new(stream);
    let ended = if is_http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX);
        drive(builder.serve_connection(io, service), stopped, |connection| connection.graceful_shutdown()).await
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        drive(builder.serve_connection(io, service), stopped, |connection| connection.graceful_shutdown()).await
    };
    if let Err(error) = ended {
        tracing::debug!(from = network(address), %error, "the connection ended early");
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

/// Runs a connection to its end; when the vault stops, after the request that is under way.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    mut stopped: watch::Receiver<bool>,
    shut_down: impl Fn(std::pin::Pin<&mut C>),
) -> hyper::Result<()> {
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stopped.wait_for(|stop| *stop) => {}
    }
    shut_down(connection.as_mut());
    connection.await
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
