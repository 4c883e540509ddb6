//! The operator's port: how the vault is, for monitoring on the same machine. Without TLS, which is why
//! the configuration takes loopback addresses alone; it shows sums and states, and no request here can
//! change anything.
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | 200 while the process runs |
//! | `/readyz` | 200 while requests are served; else 503 and a stable word for why not |
//! | `/metrics` | counters (OpenMetrics 1.0 text, which Prometheus scrapes) |

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

use crate::serve::Door;

/// The media type of OpenMetrics text.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A running operator's port. Dropping it stops it.
pub struct Operator {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Operator {
    /// Binds and serves until it is dropped. Port 0 takes a free one.
    pub fn start(address: SocketAddr, door: Door) -> io::Result<Operator> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, mut stopped) = watch::channel(false);
        let served = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
            tokio::select! {
                served = async { axum::serve(listener, router(door)).await } => served,
                () = until => Ok(()),
            }
        };
        let body = move || {
            super::run(async move {
                if let Err(error) = served.await {
                    tracing::error!(%error, "the operator's port has ended");
                }
            });
        };
        Ok(Operator { address, stop, thread: Some(super::spawn("operator", body)?) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Fails only when the thread has ended already.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn router(door: Door) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(door)
}

async fn ready(State(door): State<Door>) -> Response {
    match door.ready() {
        Ok(()) => "ready\n".into_response(),
        Err(unready) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", unready.as_str())).into_response(),
    }
}

async fn metrics(State(door): State<Door>) -> Response {
    ([(header::CONTENT_TYPE, METRICS)], door.metrics()).into_response()
}
