//! What goes on on one connection: which requests are under way, and since when there are none.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};

use crate::admit::UnderWay;
use crate::config::Deadlines;

/// An answer goes out in pieces of at most this many bytes, each when the caller has room for it: what is under way is
/// under way until the last piece is taken.
const PIECE_BYTES: usize = 16 << 10;

/// Requests of one connection.
pub(super) struct Activity(Mutex<Requests>);

struct Requests {
    /// When each of those under way began, by number.
    begun: BTreeMap<u64, Instant>,
    next: u64,
    /// Since when there was none.
    idle_since: Instant,
}

/// Why a connection is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spent {
    /// No request for too long.
    Idle,
    /// One request for too long.
    Stalled,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Arc<Activity> {
        Arc::new(Activity(Mutex::new(Requests { begun: BTreeMap::new(), next: 0, idle_since: now })))
    }

    /// A request has begun; it ends when the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, now: Instant) -> Begun {
        let mut requests = self.lock();
        let number = requests.next;
        requests.next += 1;
        requests.begun.insert(number, now);
        Begun { activity: Arc::clone(self), number }
    }

    /// Whether the connection has been without a request, or with one and the same, for longer than it may.
    pub(super) fn spent(&self, deadlines: &Deadlines, now: Instant) -> Option<Spent> {
        let requests = self.lock();
        let since = |then: Instant| now.saturating_duration_since(then);
        match requests.begun.first_key_value() {
            None => (since(requests.idle_since) >= deadlines.idle).then_some(Spent::Idle),
            Some((_, begun)) => (since(*begun) >= deadlines.request).then_some(Spent::Stalled),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way.
pub(super) struct Begun {
    activity: Arc<Activity>,
    number: u64,
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut requests = self.activity.lock();
        requests.begun.remove(&self.number);
        requests.idle_since = Instant::now();
    }
}

/// The body of an answer, which holds the request's places until it is taken.
pub(super) struct Held {
    body: Body,
    rest: Bytes,
    _begun: Begun,
    _under_way: Option<UnderWay>,
}

impl Held {
    pub(super) fn new(body: Body, begun: Begun, under_way: Option<UnderWay>) -> Held {
        Held { body, rest: Bytes::new(), _begun: begun, _under_way: under_way }
    }
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        let piece = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.body.size_hint().exact() {
            Some(exact) => SizeHint::with_exact(exact + self.rest.len() as u64),
            None => SizeHint::default(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn a_connection_is_spent_without_requests_and_with_one_that_does_not_end() {
        let deadlines =
            Deadlines { idle: Duration::from_secs(60), request: Duration::from_secs(300), ..Deadlines::default() };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let activity = Activity::new(start);
        let spent = |seconds| activity.spent(&deadlines, at(seconds));
        assert_eq!((spent(59), spent(60)), (None, Some(Spent::Idle)));
        let long = activity.begin(start);
        let short = activity.begin(at(200));
        assert_eq!((spent(299), spent(300)), (None, Some(Spent::Stalled)));
        drop(long);
        assert_eq!((spent(499), spent(500)), (None, Some(Spent::Stalled)));
        drop(short);
        assert_eq!(activity.spent(&deadlines, Instant::now()), None);
    }

    #[tokio::test]
    async fn an_answer_comes_whole_in_small_pieces_and_is_under_way_until_the_last() {
        let activity = Activity::new(Instant::now());
        let whole: Vec<u8> = (0..100_000_u32).map(|at| at as u8).collect();
        let mut held = Held::new(Body::from(whole.clone()), activity.begin(Instant::now()), None);
        assert_eq!(hyper::body::Body::size_hint(&held).exact(), Some(100_000));
        let mut taken = Vec::new();
        while let Some(frame) = held.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE_BYTES);
            taken.extend_from_slice(&piece);
        }
        assert_eq!(taken, whole);
        assert!(!activity.lock().begun.is_empty());
        drop(held);
        assert!(activity.lock().begun.is_empty());
    }
}
