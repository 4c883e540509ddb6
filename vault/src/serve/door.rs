//! The door: whether the vault is open changes while the process runs, and everybody who serves looks here.
//!
//! ```text
//! sealed ──unseal──▶ open ──seal──▶ sealing ──the house is empty──▶ sealed
//! ```
//!
//! A request that has found the vault open keeps its house until it ends. So the house is taken down when the last of
//! them has let go of it, and *sealed* is said when its keys are wiped and not before.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use coffer_keys::seal::{Seal, SealError, Share};
use coffer_keys::{RootKey, wipe_whole_stack};
use coffer_wire::Name;
use tokio::sync::{mpsc, oneshot, watch};

use super::blocking::blocking;
use super::gathering::Gathering;
use super::house::{House, HouseError, Opening};
use crate::admit::{Applications, PeerCertificate, Quota};
use crate::clock::Clock;
use crate::config::Config;
use crate::keyring::{self, KeyringError};
use crate::store::{Engine, StoreError};

/// What is under way when the vault is sealed may go on for so long; then it is cut.
const FINISH_TIME: Duration = Duration::from_secs(5);
/// How often is looked whether the last of it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How the store is opened, each time that the vault is.
pub type OpenStore = Box<dyn Fn() -> Result<Arc<dyn Engine>, StoreError> + Send + Sync>;

/// Where everybody comes in. Its clones are one door.
#[derive(Clone)]
pub struct Door(Arc<Hinge>);

struct Hinge {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    within: watch::Sender<Within>,
    open_store: Option<OpenStore>,
    /// Whoever opens or seals has it: one at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    unsealing: Mutex<Gathering>,
    drilling: Mutex<Gathering>,
    returning: Mutex<Gathering>,
    stacks: Mutex<Vec<mpsc::UnboundedSender<oneshot::Sender<()>>>>,
}

/// Behind the door: an open vault, or one that is shut.
#[derive(Clone)]
pub enum Within {
    /// Serves.
    Open(Arc<House>),
    /// Says only that it is sealed, and why; takes what unseals it.
    Shut(Arc<Shut>),
}

/// A vault that is shut.
pub struct Shut {
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) applications: Applications,
    pub(super) why: Why,
}

/// Why it is shut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It was asked to seal itself, and some keys may still be in memory.
    Sealing,
    /// It was asked to seal itself.
    Asked,
    /// The configuration has it start so.
    Start,
    /// Its seal gives the root key for shares, and there are not enough yet.
    Shares,
    /// Its log is not the one that was last seen. Nothing but a restart, once that is mended, opens it.
    LogNotContinuous,
}

impl Why {
    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Sealing => "sealing",
            Why::Asked => "sealed_on_request",
            Why::Start => "starts_sealed",
            Why::Shares => "shares_needed",
            Why::LogNotContinuous => "log_not_continuous",
        }
    }
}

/// Why the door did not open.
pub(super) enum Unopened {
    /// It is open.
    Already,
    /// It is being sealed.
    Sealing,
    /// Its log is not continuous.
    LogNotContinuous,
    /// Another program has the store open, as `coffer-vault check` of a sealed vault.
    StoreInUse,
    /// The operator has been told.
    Failed,
    /// The seal does not give the root key.
    Seal(SealError),
}

impl Shut {
    /// A vault that is shut.
    fn new(config: Arc<Config>, clock: Arc<dyn Clock>, why: Why) -> Shut {
        Shut { applications: Applications::of(&config), config, clock, why }
    }

    /// Why it is shut.
    pub fn why(&self) -> Why {
        self.why
    }
}

impl Door {
    /// A door to an open vault.
    pub fn to(house: Arc<House>) -> Door {
        let (config, clock) = (Arc::clone(&house.config), Arc::clone(&house.clock));
        Door::new(config, clock, Within::Open(house))
    }

    /// A door to a vault that is shut.
    pub fn shut(config: Arc<Config>, clock: Arc<dyn Clock>, why: Why) -> Door {
        let shut = Shut::new(Arc::clone(&config), Arc::clone(&clock), why);
        Door::new(config, clock, Within::Shut(Arc::new(shut)))
    }

    fn new(config: Arc<Config>, clock: Arc<dyn Clock>, within: Within) -> Door {
        Door(Arc::new(Hinge {
            config,
            clock,
            within: watch::Sender::new(within),
            open_store: None,
            turn: Arc::default(),
            unsealing: Mutex::default(),
            drilling: Mutex::default(),
            returning: Mutex::default(),
            stacks: Mutex::default(),
        }))
    }

    /// The same door where the vault can be unsealed: so its store is opened.
    ///
    /// # Panics
    /// Never on a door that has no clones yet; it is made before anybody serves.
    pub fn with_store(self, open_store: OpenStore) -> Door {
        match Arc::try_unwrap(self.0) {
            Ok(hinge) => Door(Arc::new(Hinge { open_store: Some(open_store), ..hinge })),
            Err(shared) => Door(shared),
        }
    }

    /// What is behind it now.
    pub fn within(&self) -> Within {
        self.0.within.borrow().clone()
    }

    /// The house, while the vault is open.
    pub fn house(&self) -> Option<Arc<House>> {
        match self.within() {
            Within::Open(house) => Some(house),
            Within::Shut(_) => None,
        }
    }

    /// Tells each time that it opens or shuts.
    pub fn changes(&self) -> watch::Receiver<Within> {
        self.0.within.subscribe()
    }

    /// What the operator declared.
    pub fn config(&self) -> &Arc<Config> {
        &self.0.config
    }

    /// What gives the root key.
    pub(super) fn seal(&self) -> Result<Box<dyn Seal>, SealError> {
        self.0.config.open_seal()
    }

    /// The shares that were handed in to open the vault.
    pub(super) fn unsealing(&self) -> &Mutex<Gathering> {
        &self.0.unsealing
    }

    /// The shares that were handed in for a drill.
    pub(super) fn drilling(&self) -> &Mutex<Gathering> {
        &self.0.drilling
    }

    /// The new shares that were typed back by those who will keep them.
    pub(super) fn returning(&self) -> &Mutex<Gathering> {
        &self.0.returning
    }

    /// The share that a certificate's connections and requests are taken of, and the application whose it is.
    pub fn quota(&self, peer: &PeerCertificate) -> (Arc<Quota>, Option<Name>) {
        let now_ms = self.0.clock.now_ms();
        let within = self.0.within.borrow();
        let (quota, application) = match &*within {
            Within::Open(house) => house.gate.quota(peer, now_ms),
            Within::Shut(shut) => shut.applications.quota(peer, now_ms),
        };
        (Arc::clone(quota), application)
    }

    /// Whether this certificate is one of an application that may come in now, as far as is known: a sealed vault does not
    /// know what was revoked.
    pub fn is_welcome(&self, peer: &PeerCertificate) -> bool {
        let now_ms = self.0.clock.now_ms();
        match &*self.0.within.borrow() {
            Within::Open(house) => house.gate.is_welcome(peer, now_ms),
            Within::Shut(shut) => shut.applications.admit(peer, now_ms).is_ok(),
        }
    }
}

/// Sealing.
impl Door {
    /// Seals the vault and returns when that is done: no key is in memory then. Its leaf stands already. A second call
    /// waits for the first.
    ///
    /// It is given no house to hold, since it waits until nobody holds one.
    pub(super) async fn seal_up(&self, asked: Weak<House>) {
        let _turn = self.0.turn.lock().await;
        let Some(house) = self.house().filter(|house| std::ptr::eq(Arc::as_ptr(house), asked.as_ptr())) else { return };
        self.close(house).await;
    }

    async fn close(&self, house: Arc<House>) {
        house.begin_closing();
        self.forget_tries();
        house.settle().await;
        // From here on nobody comes to the house any more.
        self.become_shut(Why::Sealing);
        let house = vacated(house).await;
        // What the disk is still to be told takes its time.
        let closed = blocking(move || {
            house.ledger.close();
            drop(house);
        });
        if closed.await.is_err() {
            tracing::error!("the house was not taken down as it should be");
        }
        self.wipe_stacks().await;
        self.become_shut(Why::Asked);
        tracing::warn!("the vault is sealed");
    }

    fn forget_tries(&self) {
        for gathering in [&self.0.drilling, &self.0.returning] {
            gathering.lock().unwrap_or_else(PoisonError::into_inner).forget();
        }
    }

    fn become_shut(&self, why: Why) {
        let shut = Shut::new(Arc::clone(&self.0.config), Arc::clone(&self.0.clock), why);
        self.0.within.send_replace(Within::Shut(Arc::new(shut)));
    }

    /// For a thread that works with keys between requests: it wipes its stack each time that it is handed a sender here,
    /// and says so.
    pub fn stack(&self) -> mpsc::UnboundedReceiver<oneshot::Sender<()>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock_stacks().push(sender);
        receiver
    }

    /// Has every thread wipe its stack. One that has ended has none.
    async fn wipe_stacks(&self) {
        let wiped: Vec<_> = self.lock_stacks().iter().filter_map(asked_to_wipe).collect();
        for wiped in wiped {
            let _ = wiped.await;
        }
        wipe_whole_stack();
    }

    fn lock_stacks(&self) -> std::sync::MutexGuard<'_, Vec<mpsc::UnboundedSender<oneshot::Sender<()>>>> {
        self.0.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn asked_to_wipe(thread: &mpsc::UnboundedSender<oneshot::Sender<()>>) -> Option<oneshot::Receiver<()>> {
    let (done, wiped) = oneshot::channel();
    thread.send(done).ok().map(|()| wiped)
}

/// The house once nobody is in it. Who takes too long is cut; what cannot be cut, as a thread that waits for the disk, is
/// waited for.
async fn vacated(mut house: Arc<House>) -> House {
    let begun = Instant::now();
    loop {
        house = match Arc::try_unwrap(house) {
            Ok(alone) => return alone,
            Err(shared) => shared,
        };
        if begun.elapsed() > FINISH_TIME {
            house.cut();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Unsealing.
impl Door {
    /// Opens the vault with the shares that were gathered, or none where the seal needs none. It ends whether or not the
    /// caller waits for it.
    pub(super) async fn unseal(&self, shares: Vec<Share>, opening: Opening) -> Result<(), Unopened> {
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        if let Some(unopened) = self.stays() {
            return Err(unopened);
        }
        let door = self.clone();
        let opened = blocking(move || {
            let opened = door.open_now(&shares, opening);
            drop((shares, turn));
            wipe_whole_stack();
            opened
        });
        opened.await.unwrap_or(Err(Unopened::Failed))
    }

    /// Why it stays as it is, whatever is handed in.
    fn stays(&self) -> Option<Unopened> {
        match self.within() {
            Within::Open(_) => Some(Unopened::Already),
            Within::Shut(shut) => match shut.why {
                Why::Sealing => Some(Unopened::Sealing),
                Why::LogNotContinuous => Some(Unopened::LogNotContinuous),
                Why::Asked | Why::Start | Why::Shares => None,
            },
        }
    }

    #[inline(never)]
    fn open_now(&self, shares: &[Share], opening: Opening) -> Result<(), Unopened> {
        let root = self.seal().and_then(|seal| seal.open(shares)).map_err(Unopened::Seal)?;
        match self.open_house(root, opening) {
            Ok(house) => {
                self.become_open(house);
                tracing::warn!("the vault is open");
                Ok(())
            }
            // What the shares came to is some key, and not this vault's.
            Err(HouseError::Keyring(KeyringError::Unopened(_))) if !shares.is_empty() => {
                Err(Unopened::Seal(SealError::WrongShares))
            }
            Err(HouseError::Log(error)) if error.not_continuous() => {
                tracing::error!(%error, "the log is not the one that was last seen; the vault stays sealed");
                self.become_shut(Why::LogNotContinuous);
                Err(Unopened::LogNotContinuous)
            }
            Err(HouseError::Store(error @ StoreError::Locked { .. })) => {
                tracing::warn!(%error, "the vault does not open");
                Err(Unopened::StoreInUse)
            }
            Err(error) => {
                tracing::error!(%error, "the vault does not open");
                Err(Unopened::Failed)
            }
        }
    }

    fn become_open(&self, house: House) {
        let house = Arc::new(house);
        house.resume_jobs();
        self.0.within.send_replace(Within::Open(house));
    }

    fn open_house(&self, root: RootKey, opening: Opening) -> Result<House, HouseError> {
        let Some(open_store) = &self.0.open_store else { return Err(HouseError::NoWayIn) };
        let (config, clock) = (Arc::clone(&self.0.config), Arc::clone(&self.0.clock));
        House::open_by(config, open_store()?, clock, root, opening)
    }

    /// Before anybody opens or unseals: finishes a rotation of the root key or a change of the seal that was cut off, and learns whether
    /// shares are needed. Where a root key waits beside the present one, the store says which of them its keys lie under.
    pub fn settle_seal(&self) -> Result<(), HouseError> {
        let config = &self.0.config;
        if !config.seal_is_settled()? {
            let Some(open_store) = &self.0.open_store else { return Err(HouseError::NoWayIn) };
            let in_force = keyring::root_in_force(&*open_store()?)?;
            config.settle_seal(in_force)?;
        }
        if self.seal()?.shares_needed().is_some() {
            self.become_shut(Why::Shares);
        }
        Ok(())
    }

    /// Opens the vault as the process starts, with this root key. A vault whose log is not continuous stays shut.
    pub fn open_at_start(&self, root: RootKey) -> Result<(), HouseError> {
        let opened = self.opened_at_start(root);
        wipe_whole_stack();
        opened
    }

    #[inline(never)]
    fn opened_at_start(&self, root: RootKey) -> Result<(), HouseError> {
        match self.open_house(root, Opening::default()) {
            Ok(house) => {
                self.become_open(house);
                Ok(())
            }
            Err(HouseError::Log(error)) if error.not_continuous() => {
                tracing::error!(%error, "the log is not the one that was last seen; the vault starts sealed");
                self.become_shut(Why::LogNotContinuous);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets shares that were waited for too long.
    pub fn forget_shares(&self) {
        let now = Instant::now();
        for gathering in [&self.0.unsealing, &self.0.drilling, &self.0.returning] {
            gathering.lock().unwrap_or_else(PoisonError::into_inner).forget_old(now);
        }
    }
}
