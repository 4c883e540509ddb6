//! A request as it came in, before anything is believed of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::buffer::Body;
use super::door::Door;
use super::idempotency::Key;
use crate::admit::{PeerCertificate, Quota};

/// One request.
pub struct Incoming {
    /// The certificate of the connection, which the handshake has checked against the CA.
    pub peer: Arc<PeerCertificate>,
    /// Where it comes from.
    pub address: SocketAddr,
    /// What it takes is taken of this.
    pub quota: Arc<Quota>,
    /// The token, if there is one.
    pub bearer: Option<Zeroizing<String>>,
    /// The body.
    pub body: Body,
    /// The caller's own name for the request, if it has one.
    pub key: Option<Key>,
    /// Where it came in.
    pub door: Door,
    /// The id under which the operator finds the request: 24 characters.
    pub request: String,
}

/// A request id that no other request of this process has: 8 characters of the process's own and
/// 16 of a counter.
pub(super) fn new_request_id() -> String {
    static PROCESS: LazyLock<u32> = LazyLock::new(|| coffer_keys::random::<4>().map_or(0, u32::from_be_bytes));
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    format!("{:08x}{:016x}", *PROCESS, COUNTER.fetch_add(1, Ordering::Relaxed))
}
