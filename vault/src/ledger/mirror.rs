//! Keeps the erasure ledger: whoever is told that something is erased is told so after this file names the key.
//!
//! A thread of its own, so that nobody else's answer waits for its disk. Where it cannot be written the keys are destroyed
//! all the same; those who wait are told that the ledger does not have them yet, and it is tried again until it has.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::erasures::{Erased, Erasures, ErasuresError};
use super::queue::Results;
use super::{Rejected, Shared, shredded};
use crate::keyring::Voucher;
use crate::keyring::record::SubjectRow;
use crate::store::{Engine, Family};

/// After a failure it is tried again in this time, and at once when somebody else waits.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// A disk that has not answered for this long turns the vault unready.
const SLOW: Duration = Duration::from_secs(1);
/// Rows of the keys family that are looked through at a time.
const PAGE_ROWS: usize = 4_096;

/// How the mirroring is, for those around it.
#[derive(Default)]
pub(super) struct Mirrored(Mutex<Standing>);

#[derive(Default)]
struct Standing {
    /// Since when something waits to be written.
    since: Option<Instant>,
    /// The last try failed.
    failing: bool,
}

impl Mirrored {
    /// Whether destroyed keys are not in the ledger that should be.
    pub(super) fn is_behind(&self) -> bool {
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        standing.failing || standing.since.is_some_and(|since| since.elapsed() > SLOW)
    }

    fn begins(&self) {
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        standing.since.get_or_insert_with(Instant::now);
    }

    fn ends(&self, failing: bool) {
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if standing.failing != failing {
            match failing {
                true => tracing::error!("erased keys cannot be written to the erasure ledger; it is tried again"),
                false => tracing::warn!("the erasure ledger is complete again"),
            }
        }
        *standing = Standing { since: standing.since.filter(|_| failing), failing };
    }
}

/// Keys that a batch has destroyed, and who waits for them to be in the ledger.
pub(super) struct Order {
    pub(super) erased: Vec<Erased>,
    /// The position of the leaf that follows the batch.
    pub(super) complete: u64,
    pub(super) waiting: Vec<Waiting>,
}

/// One request whose results tell of something erased.
pub(super) struct Waiting {
    pub(super) reply: oneshot::Sender<Results>,
    pub(super) results: Results,
    /// Which of the results do.
    pub(super) tells: Vec<bool>,
}

impl Waiting {
    fn answer(self, mirrored: bool) {
        let told = |(result, tells)| if tells && !mirrored { Err(Rejected::ErasedNotMirrored) } else { result };
        let results = match mirrored {
            true => self.results,
            false => self.results.into_iter().zip(self.tells).map(told).collect(),
        };
        // Whoever no longer waits has its leaves all the same.
        let _ = self.reply.send(results);
    }
}

/// The way to the thread.
pub(super) type Orders = Sender<Order>;

/// Hands over what a batch has destroyed. Where the thread is gone nobody is told that it is mirrored.
pub(super) fn order(orders: &Orders, order: Order) {
    if let Err(failed) = orders.send(order) {
        failed.0.waiting.into_iter().for_each(|waiting| waiting.answer(false));
    }
}

/// The thread's work, and the way to it. It ends when that is dropped.
pub(super) fn mirror(ledger: Erasures, shared: Arc<Shared>) -> (Orders, impl FnOnce() + Send + 'static) {
    let (orders, received) = channel();
    let keep = Keep { ledger, shared, pending: Vec::new(), complete: 0 };
    (orders, move || keep.run(&received))
}

struct Keep {
    ledger: Erasures,
    shared: Arc<Shared>,
    /// What could not be written yet, and up to where it is complete.
    pending: Vec<Erased>,
    complete: u64,
}

impl Keep {
    fn run(mut self, received: &Receiver<Order>) {
        loop {
            let next = match self.pending.is_empty() {
                true => received.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => received.recv_timeout(AGAIN_AFTER),
            };
            let first = match next {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            // All that came meanwhile, so that one sync serves them.
            let waiting = first.into_iter().chain(received.try_iter()).flat_map(|order| self.take(order)).collect();
            self.write(waiting);
        }
        // Then a next start after an orderly end need not look for what is missing here.
        self.complete = self.shared.position();
        self.write(Vec::new());
    }

    fn take(&mut self, order: Order) -> Vec<Waiting> {
        self.pending.extend(order.erased);
        self.complete = self.complete.max(order.complete);
        order.waiting
    }

    /// The order of persistence: the batch with the tombstones is synced already; here the ledger is; only then is anybody
    /// told. A crash between leaves tombstones that the next start carries over.
    fn write(&mut self, waiting: Vec<Waiting>) {
        let mirrored = self.shared.mirrored();
        mirrored.begins();
        let written = self.ledger.append(&self.pending, self.complete);
        if let Err(error) = &written {
            tracing::debug!(%error, "the erasure ledger");
        } else {
            self.pending.clear();
        }
        mirrored.ends(written.is_err());
        waiting.into_iter().for_each(|waiting| waiting.answer(written.is_ok()));
    }
}

/// Takes the ledger of a log up that has passed its start check, and carries it forward from the tombstones in the store:
/// a kill may have come between the batch and the ledger. One that is not there is made anew.
pub(super) fn take_up(
    path: &Path,
    voucher: Voucher,
    origin: &str,
    engine: &dyn Engine,
    shared: &Shared,
) -> Result<Erasures, ErasuresError> {
    let size = shared.position();
    // One of a log before this one may stand under a greater number: it says nothing here.
    let each = &mut |erased: Erased| {
        if erased.at < size {
            shared.erased(erased.at);
        }
        Ok(())
    };
    let mut ledger = if path.exists() {
        Erasures::open(path, voucher, origin, each)?
    } else {
        tracing::warn!(path = %path.display(), "there is no erasure ledger: it is made anew from the store");
        Erasures::create(path, voucher, origin)?
    };
    let seen = ledger.complete();
    if seen > size {
        return Err(ErasuresError::Ahead { stored: size, seen });
    }
    if seen == size {
        return Ok(ledger);
    }
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = engine.scan(Family::Keys, SubjectRow::PREFIX, after.as_deref(), PAGE_ROWS)?;
        let destroyed = page.iter().filter_map(|(key, value)| destroyed(key, value));
        let missing: Vec<Erased> = destroyed.filter(|erased| (seen..size).contains(&erased.at)).collect();
        if let Some(last) = missing.iter().map(|erased| erased.at).max() {
            shared.erased(last);
            ledger.append(&missing, seen)?;
        }
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
    }
    let shredded = shredded::unnamed(path, engine, seen, size)?;
    if let Some(last) = shredded.iter().map(|erased| erased.at).max() {
        shared.erased(last);
        ledger.append(&shredded, seen)?;
    }
    ledger.append(&[], size)?;
    Ok(ledger)
}

/// The destroyed key that a row is the tombstone of.
pub(crate) fn destroyed(key: &[u8], value: &[u8]) -> Option<Erased> {
    match (SubjectRow::id(key), SubjectRow::decode(value)) {
        (Some(id), Some(SubjectRow::Destroyed { at })) => Some(Erased { id, at }),
        _ => None,
    }
}
