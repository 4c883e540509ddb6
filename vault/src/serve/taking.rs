//! How a body is taken in: not before its sender is admitted, not more of it than the vault takes, and not for longer than
//! it may take.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use coffer_wire::problem::Code;
use http_body_util::BodyExt;
use hyper::body::Body as _;

use crate::admit::{Quota, Room, TooMany};

/// Bytes of a body, at most.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// How much of a body that nobody wants is passed over, so that whoever sends it hears the answer: a connection on which
/// something is still under way is cut.
#[derive(Clone, Copy)]
pub(super) struct Courtesy {
    bytes: usize,
    time: Duration,
}

impl Courtesy {
    /// For whoever may not come in: what fits into a few packets.
    pub(super) const STRANGER: Courtesy = Courtesy { bytes: 64 << 10, time: Duration::from_secs(1) };
    /// For whoever may come in and has sent what is not taken.
    pub(super) const GUEST: Courtesy = Courtesy { bytes: BODY_BYTES_MAX + (64 << 10), time: Duration::from_secs(5) };
    /// For whoever is over its limit: what is here already.
    pub(super) const CROWD: Courtesy = Courtesy { bytes: 64 << 10, time: Duration::ZERO };
}

/// Why a body is not taken.
pub(super) enum Untaken {
    /// For what it is.
    Code(Code),
    /// For what its application has sent beside it.
    TooMany(TooMany),
}

/// Reads a body into the room of its application, which is to be kept for as long as the body is.
pub(super) async fn read(body: Body, quota: &Quota, time: Duration) -> Result<(Bytes, Room), Untaken> {
    let taken = tokio::time::timeout(time, collect(body, quota)).await;
    taken.unwrap_or(Err(Untaken::Code(Code::TooSlow)))
}

async fn collect(body: Body, quota: &Quota) -> Result<(Bytes, Room), Untaken> {
    let (mut pieces, mut bytes, mut room) = (Vec::new(), 0, Room::default());
    let mut body = pin!(body);
    while let Some(frame) = body.frame().await {
        // Broken off, or not the HTTP that it began as. Perhaps nobody hears this.
        let frame = frame.map_err(|_| Untaken::Code(Code::Malformed))?;
        let Ok(piece) = frame.into_data() else { continue };
        bytes += piece.len();
        if bytes > BODY_BYTES_MAX {
            return Err(Untaken::Code(Code::TooLarge));
        }
        quota.widen(&mut room, piece.len()).map_err(Untaken::TooMany)?;
        pieces.push(piece);
    }
    let whole = match pieces.len() {
        0 | 1 => pieces.pop().unwrap_or_default(),
        _ => pieces.concat().into(),
    };
    Ok((whole, room))
}

/// Whether a body says of itself that it is too long.
pub(super) fn announces_too_much(body: &Body) -> bool {
    body.size_hint().lower() > BODY_BYTES_MAX as u64
}

/// Passes over what comes of a body, and keeps nothing of it.
pub(super) async fn pass_over(body: Body, courtesy: Courtesy) {
    let passed_over = async {
        let mut body = pin!(body);
        let mut left = courtesy.bytes;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    // Whoever sends slowly is not waited for: the answer may come to nothing.
    let _ = tokio::time::timeout(courtesy.time, passed_over).await;
}
