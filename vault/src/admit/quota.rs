//! How much of the vault one application takes: connections, requests under way, and requests in the long run. A limit
//! is looked at before a token is, so that what is above it costs next to nothing.
//!
//! Refusals for a limit are folded, or whoever floods the vault would fill its log: the first is a leaf, and those of
//! the minute after it are one leaf more that says how many they were.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// What whoever is not admitted may take, all of them together. They are told why, and no more.
const STRANGERS: Limits = Limits { connections: 16, in_flight: 16, requests_per_second: 20 };
/// Whoever took less than its rate may catch up on as many seconds of it.
const BURST_SECONDS: u32 = 5;
/// Connections above the limit that are still told of it, at one time. Any more are closed without a word.
const TOLD_MAX: usize = 4;
/// KiB of bodies that one application may have in memory at one time: sixteen of the longest.
const BODIES_KIB_MAX: usize = 64 << 10;
/// One leaf stands for all refusals of one application within this.
pub const FOLD_TIME: Duration = Duration::from_secs(60);

/// Which of the limits was reached.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Limit {
    /// Connections at one time.
    Connections,
    /// Requests at one time.
    InFlight,
    /// Requests a second.
    Rate,
    /// Bytes of bodies at one time.
    Bodies,
}

impl Limit {
    /// Its name, in the configuration too where it can be set there.
    pub fn as_str(self) -> &'static str {
        match self {
            Limit::Connections => "connections",
            Limit::InFlight => "in_flight",
            Limit::Rate => "requests_per_second",
            Limit::Bodies => "body_bytes",
        }
    }
}

/// A request above a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooMany {
    /// Which limit.
    pub limit: Limit,
    /// When it is worth coming again.
    pub after: Duration,
    /// Whether this refusal is a leaf; those that follow it are folded.
    pub is_first: bool,
}

/// One application's share of the vault.
pub struct Quota {
    connections_max: usize,
    connections: Arc<Semaphore>,
    told: Arc<Semaphore>,
    in_flight: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    rate: f64,
    bucket: Mutex<Bucket>,
    /// Refusals without a leaf of their own; `None` while nothing was refused lately.
    folded: Mutex<Option<u64>>,
    refused: Refused,
}

/// A connection's place, given back when it is dropped.
pub struct Seat {
    /// It stands above the limit: what it asks is refused, and then it ends.
    pub is_above: bool,
    _permit: OwnedSemaphorePermit,
}

/// A request under way, until the last clone is dropped.
#[derive(Clone)]
pub struct UnderWay {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Room for a body that is coming in, given back when it is dropped.
#[derive(Default)]
pub struct Room {
    taken: Option<OwnedSemaphorePermit>,
}

struct Bucket {
    /// Requests that may come at once. Below zero: what was taken in advance by lists.
    left: f64,
    at: Instant,
}

impl Quota {
    /// A share that nothing was taken of.
    pub(super) fn new(limits: Limits, refused: &Refused) -> Quota {
        let rate = f64::from(limits.requests_per_second);
        let connections_max = limits.connections as usize;
        Quota {
            connections_max,
            connections: Arc::new(Semaphore::new(connections_max)),
            told: Arc::new(Semaphore::new(TOLD_MAX)),
            in_flight: Arc::new(Semaphore::new(limits.in_flight as usize)),
            bodies: Arc::new(Semaphore::new(BODIES_KIB_MAX)),
            rate,
            bucket: Mutex::new(Bucket { left: rate * f64::from(BURST_SECONDS), at: Instant::now() }),
            folded: Mutex::new(None),
            refused: refused.clone(),
        }
    }

    /// The share of whoever is not admitted.
    pub(super) fn of_strangers(refused: &Refused) -> Quota {
        Quota::new(STRANGERS, refused)
    }

    /// Takes a place for a connection: one above the limit to be told so, or none. `most` is what the process can hold
    /// for one application, whatever its limit says.
    pub fn connect(&self, most: usize) -> Option<Seat> {
        let place = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_owned().ok();
        let taken = self.connections_max - self.connections.available_permits();
        if taken < most
            && let Some(permit) = place(&self.connections)
        {
            return Some(Seat { is_above: false, _permit: permit });
        }
        let told = place(&self.told);
        if told.is_none() {
            self.refused.count(Limit::Connections);
        }
        told.map(|permit| Seat { is_above: true, _permit: permit })
    }

    /// Takes one request, which comes on a connection above the limit or not.
    pub fn enter(&self, is_above: bool, now: Instant) -> Result<UnderWay, TooMany> {
        if is_above {
            return Err(self.too_many(Limit::Connections, RETRY_AFTER));
        }
        let Ok(permit) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            return Err(self.too_many(Limit::InFlight, RETRY_AFTER));
        };
        match lock(&self.bucket).take(self.rate, now) {
            Ok(()) => Ok(UnderWay { _permit: Arc::new(permit) }),
            Err(after) => Err(self.too_many(Limit::Rate, after)),
        }
    }

    /// Takes room for another piece of a body. The smallest piece counts for a KiB, since none costs less.
    pub fn widen(&self, room: &mut Room, bytes: usize) -> Result<(), TooMany> {
        let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX);
        let Ok(more) = Arc::clone(&self.bodies).try_acquire_many_owned(kib) else {
            return Err(self.too_many(Limit::Bodies, RETRY_AFTER));
        };
        match &mut room.taken {
            Some(taken) => taken.merge(more),
            None => room.taken = Some(more),
        }
        Ok(())
    }

    /// Takes what a list counts for beyond the request that brought it. It is not refused any more; what comes next is.
    pub fn charge(&self, items: usize) {
        lock(&self.bucket).left -= items.saturating_sub(1) as f64;
    }

    /// Refusals since the last leaf that said so. `None`: there were none, and the next is a leaf again.
    pub fn settle(&self) -> Option<NonZeroU64> {
        let mut folded = lock(&self.folded);
        let count = folded.and_then(NonZeroU64::new);
        *folded = count.map(|_| 0);
        count
    }

    fn too_many(&self, limit: Limit, after: Duration) -> TooMany {
        self.refused.count(limit);
        let mut folded = lock(&self.folded);
        let is_first = folded.is_none();
        *folded = Some(folded.map_or(0, |count| count + 1));
        TooMany { limit, after, is_first }
    }
}

/// When to come again where nobody can know.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Bucket {
    /// Takes one, or says how long until there is one.
    fn take(&mut self, rate: f64, now: Instant) -> Result<(), Duration> {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * rate).min(rate * f64::from(BURST_SECONDS));
        self.at = now.max(self.at);
        if self.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.left) / rate));
        }
        self.left -= 1.0;
        Ok(())
    }
}

/// Counts what was refused for a limit, of all applications together.
#[derive(Clone, Default)]
pub(super) struct Refused(Family<Label, Counter>);

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Label {
    limit: &'static str,
}

impl Refused {
    fn count(&self, limit: Limit) {
        self.0.get_or_create(&Label { limit: limit.as_str() }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests, and connections that were closed, above a limit of their application";
        registry.register("refused_for_limit", help, self.0.clone());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn quota(limits: Limits) -> Quota {
        Quota::new(limits, &Refused::default())
    }

    const SMALL: Limits = Limits { connections: 2, in_flight: 3, requests_per_second: 10 };

    #[test]
    fn a_rate_lets_a_burst_through_and_then_as_much_as_it_says() {
        let quota = quota(SMALL);
        let start = Instant::now();
        let served = |after_ms: u64| {
            let now = start + Duration::from_millis(after_ms);
            std::iter::repeat_with(|| quota.enter(false, now)).take_while(Result::is_ok).count()
        };
        assert_eq!(served(0), 50);
        assert_eq!(served(0), 0);
        assert_eq!(served(1_000), 10);
        assert_eq!(served(1_250), 2);
        // Whoever waits long has a burst again, and no more than that.
        assert_eq!(served(60_000), 50);
    }

    #[test]
    fn who_is_above_the_rate_is_told_when_to_come_again() {
        let quota = quota(SMALL);
        let start = Instant::now();
        while quota.enter(false, start).is_ok() {}
        let refused = quota.enter(false, start).err().unwrap();
        assert_eq!(refused.limit, Limit::Rate);
        assert!(quota.enter(false, start + refused.after).is_ok());
        // A list of a hundred counts like a hundred requests.
        assert!(quota.enter(false, start + Duration::from_secs(10)).is_ok());
        quota.charge(100);
        let refused = quota.enter(false, start + Duration::from_secs(10)).err().unwrap();
        assert!((5.0..5.2).contains(&refused.after.as_secs_f64()), "{refused:?}");
    }

    #[test]
    fn requests_under_way_and_connections_have_an_end_and_give_back_their_place() {
        let quota = quota(SMALL);
        let now = Instant::now();
        let mut under_way: Vec<_> = (0..3).map(|_| quota.enter(false, now).ok().unwrap()).collect();
        assert_eq!(quota.enter(false, now).err().unwrap().limit, Limit::InFlight);
        under_way.pop();
        assert!(quota.enter(false, now).is_ok());
        let mut seats: Vec<_> = std::iter::from_fn(|| quota.connect(usize::MAX)).collect();
        assert_eq!(seats.iter().map(|seat| seat.is_above).collect::<Vec<_>>(), [false, false, true, true, true, true]);
        seats.remove(0);
        assert!(quota.connect(usize::MAX).is_some_and(|seat| !seat.is_above));
        seats.clear();
        let _one = quota.connect(1).unwrap();
        assert!(quota.connect(1).unwrap().is_above, "the process can hold no more for one");
        assert_eq!(quota.enter(true, now).err().unwrap().limit, Limit::Connections);
    }

    #[test]
    fn bodies_have_so_much_room_together_and_give_it_back() {
        let quota = quota(SMALL);
        let (mut one, mut other) = (Room::default(), Room::default());
        let most = BODIES_KIB_MAX * 1_024;
        quota.widen(&mut one, most - 1_024).unwrap();
        quota.widen(&mut one, 1).unwrap();
        assert_eq!(quota.widen(&mut other, 1).err().unwrap().limit, Limit::Bodies);
        drop(one);
        quota.widen(&mut other, most).unwrap();
    }

    #[test]
    fn the_first_refusal_is_a_leaf_and_those_after_it_are_counted_until_a_minute_without_any() {
        let quota = quota(SMALL);
        let refuse = || quota.enter(true, Instant::now()).err().unwrap().is_first;
        assert_eq!([refuse(), refuse(), refuse()], [true, false, false]);
        assert_eq!(quota.settle().map(NonZeroU64::get), Some(2));
        assert!(!refuse());
        assert_eq!(quota.settle().map(NonZeroU64::get), Some(1));
        assert_eq!(quota.settle(), None);
        assert!(refuse());
    }
}
