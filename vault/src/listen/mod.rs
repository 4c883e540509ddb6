//! Connections: TLS 1.3 with client certificates, limits, and a stop that loses nothing.
//!
//! Each worker is a thread with a runtime of its own; one thread accepts and hands sockets out in
//! turn. That costs a read less than one runtime over all threads.

mod activity;
mod connection;
mod operator;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use axum::Router;
use tokio::sync::{mpsc, watch};

pub use operator::Operator;
pub use tls::{TlsError, TlsFiles, is_clients, server_config};

use crate::config::Deadlines;
use crate::serve::Door;
use connection::{Guests, Limits};

/// A running listener. Dropping it stops it.
pub struct Listener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tls: Arc<Tls>,
    workers: Vec<JoinHandle<()>>,
}

/// What the next handshake goes by.
type Tls = RwLock<Arc<rustls::ServerConfig>>;

impl Listener {
    /// Binds and serves until [`stop`](Listener::stop). Port 0 takes a free one.
    pub fn start(address: SocketAddr, tls: rustls::ServerConfig, door: Door) -> io::Result<Listener> {
        let (deadlines, router) = (door.config().deadlines, crate::serve::routes::router(door.clone()));
        Listener::with(address, tls, Guests { door: Some(door), router, deadlines })
    }

    /// The same for any router, without shares of applications, so that the figures compare a read with an echo behind the
    /// very same listener.
    pub fn serve(address: SocketAddr, tls: rustls::ServerConfig, router: Router) -> io::Result<Listener> {
        Listener::with(address, tls, Guests { door: None, router, deadlines: Deadlines::default() })
    }

    fn with(address: SocketAddr, tls: rustls::ServerConfig, guests: Guests) -> io::Result<Listener> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let limits = Arc::new(Limits::default());
        let tls = Arc::new(RwLock::new(Arc::new(tls)));
        let (mut threads, mut senders) = (Vec::new(), Vec::new());
        for number in 0..workers {
            let (sender, sockets) = mpsc::unbounded_channel();
            let worker = connection::Worker {
                tls: Arc::clone(&tls),
                guests: guests.clone(),
                limits: Arc::clone(&limits),
                stopped: stopped.clone(),
            };
            senders.push(sender);
            threads.push(spawn(&format!("worker-{number}"), move || run(worker.serve(sockets)))?);
        }
        threads.push(spawn("accept", move || run(accept(listener, senders, stopped)))?);
        Ok(Listener { address, stop, tls, workers: threads })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connections are made by this configuration; those that are open stay as they are.
    pub fn replace_tls(&self, tls: rustls::ServerConfig) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tls);
    }

    /// Takes no new connection, lets what is under way finish, and returns.
    pub fn stop(&mut self) {
        // Fails only when every worker has ended already.
        let _ = self.stop.send(true);
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Runs one future on a runtime of this thread's own.
fn run(future: impl Future<Output = ()>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => tracing::error!(%error, "a worker cannot start"),
    }
}

async fn accept(
    listener: TcpListener,
    workers: Vec<mpsc::UnboundedSender<(TcpStream, SocketAddr)>>,
    mut stopped: watch::Receiver<bool>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot listen"),
    };
    let mut turn = (0..workers.len()).cycle();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let handed = accepted.and_then(|(socket, address)| Ok((socket.into_std()?, address)));
        match handed {
            Ok(socket) => {
                let worker = turn.next().and_then(|at| workers.get(at));
                // A worker that has ended takes its connections with it.
                let _ = worker.map(|worker| worker.send(socket));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(connection::PAUSE_AFTER_FAILED_ACCEPT).await;
            }
        }
    }
}
