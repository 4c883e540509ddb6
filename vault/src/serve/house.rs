//! The vault as a running whole: store, keys, gate and log.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use coffer_keys::seal::{Seal, SealError};
use coffer_keys::{Altered, AuditKey, KeyId, RootKey};
use coffer_wire::problem::{Code, Problem};
use coffer_wire::{Hash, Name, leaf::Action, name::VAULT, private::Private};
use tokio::sync::watch;

use super::answer::{code_of, problem_of};
use super::gathering::problem_of_seal;
use super::genesis::{Proposal, ProposalError, key_detail, lines_of_new};
use super::metrics::Metrics;
use super::step::Halt;
use super::{allow, drill};
use crate::admit::tally::Tally;
use crate::admit::{Gate, InForce, Reloaded};
use crate::clock::{Clock, Forward, Period};
use crate::config::{Config, FileError, SealKind};
use crate::jobs::{Jobs, Workshop};
use crate::keyring::{Audited, Created, Keyring, KeyringError};
use crate::ledger::start::{self, StartError};
use crate::ledger::{
    About, Circumstances, Detail, Entry, Ledger, LogPlace, Recorded, Rejected, Revived, Submission, Unattributed,
    revived,
};
use crate::store::format::{self, FormatError};
use crate::store::{Batch, Engine, Family, StoreError, Unread, View};

/// An open vault.
pub struct House {
    /// What the operator declared.
    pub config: Arc<Config>,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) gate: Gate,
    pub(super) ledger: Ledger,
    pub(super) unattributed: Unattributed,
    pub(super) activation: tokio::sync::Mutex<()>,
    /// Held while somebody asks for a second person.
    pub(super) asking: tokio::sync::Mutex<()>,
    /// What each person has erased within an hour.
    pub(super) tally: Arc<Tally>,
    pub(super) metrics: Metrics,
    pub(super) jobs: Jobs,
    upkeep: RwLock<Upkeep>,
    keyring: RwLock<Arc<Keyring>>,
    root: RwLock<Root>,
    /// When the newest drill was that would have opened the vault, Unix time in milliseconds.
    pub(super) drilled_ms: AtomicU64,
    ending: watch::Sender<Ending>,
}

/// The root key that is in force.
struct Root {
    id: KeyId,
    /// The key itself, where its seal does not give it again.
    kept: Option<Arc<RootKey>>,
}

/// How near a house is to its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// It stays.
    No,
    /// The vault is being sealed: what is under way may finish, and long work stops at its next step.
    Closing,
    /// What is under way is cut.
    Cut,
}

/// What is known of what is beside the vault while it runs: files that are replaced, the machine's memory.
#[derive(Clone, Default)]
pub struct Upkeep {
    /// The last moment of the server's certificate, Unix time in milliseconds.
    pub certificate_not_after_ms: Option<u64>,
    /// Files that have changed and cannot be used, with the reason; what they held before is still used.
    pub not_taken: Vec<String>,
    /// What is wrong with the memory that keys lie in.
    pub memory: Option<String>,
}

/// What was done to a stopped home, for the log to say when it opens.
pub struct Mended {
    /// What.
    pub action: Action,
    /// SHA-256 of what permitted it, if something had to.
    pub permitted_by: Option<Hash>,
    /// In words, for the private part.
    pub note: String,
}

/// What the log has to say beside that the vault was opened.
#[derive(Default)]
pub struct Opening {
    /// What was done to the home before.
    pub mended: Option<Mended>,
    /// Through which application it was unsealed; none where the process opens it as it starts.
    pub app: Option<Name>,
    /// From where, under which request, with whose shares.
    pub private: Private,
}

/// Why a vault does not open.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// Keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is not for this program.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The log. Where it is not continuous, the vault starts sealed.
    #[error(transparent)]
    Log(#[from] StartError),
    /// A file of the configuration, or one of those in force.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is stored of policy and schema is damaged.
    #[error("the policy or schema in force was damaged or changed in the store: run `coffer-vault check`")]
    InForce,
    /// The proposal cannot be activated.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// What holds the root key does not give it.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No leaf could be made.
    #[error("no leaf could be made: the operating system gave no randomness")]
    NotMade,
    /// The door was made without a way to open its store.
    #[error("this door cannot be opened")]
    NoWayIn,
}

impl House {
    /// Opens the vault: policy and schema in force, keys under the root key, and the log after its
    /// start check.
    pub fn open(
        config: Arc<Config>,
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        root: &RootKey,
    ) -> Result<House, HouseError> {
        House::open_mended(config, engine, clock, root, None)
    }

    /// The same, where the log has to say first what was done to the home.
    pub fn open_mended(
        config: Arc<Config>,
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        root: &RootKey,
        mended: Option<Mended>,
    ) -> Result<House, HouseError> {
        House::assemble(config, engine, clock, root, Opening { mended, ..Opening::default() })
    }

    /// The same for a vault that is unsealed. The root key is dropped, or kept where its seal does not give it again.
    pub fn open_by(
        config: Arc<Config>,
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        root: RootKey,
        opening: Opening,
    ) -> Result<House, HouseError> {
        let keeps = config.held().kind == SealKind::Shamir;
        let house = House::assemble(config, engine, clock, &root, opening)?;
        Ok(House { root: RwLock::new(Root { id: root.id(), kept: keeps.then(|| Arc::new(root)) }), ..house })
    }

    fn assemble(
        config: Arc<Config>,
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        root: &RootKey,
        opening: Opening,
    ) -> Result<House, HouseError> {
        format::check(&*engine)?;
        let stored = Proposal::stored(&*engine)?;
        let in_force = stored.in_force(&config)?;
        engine.ensure(&families(&in_force))?;
        let epoch = in_force.epoch;
        let clock = forward(clock, &*engine)?;
        let (keyring, log_keys) = Keyring::open(&*engine, root)?;
        let vault = keyring.audit(&VAULT).ok_or(KeyringError::Missing("vault's audit"))?;
        stored.check(&*engine, vault)?;
        let drilled_ms = drill::last_ms(&*engine, vault)?;
        let (mut batch, now_ms) = (Batch::new(), clock.now_ms());
        let (lines, made) = lines_of_new(&config, &in_force, &*engine, &keyring, (root, now_ms), &mut batch)?;
        let voucher = keyring.voucher().ok_or(KeyringError::Missing("vault's audit"))?;
        let revived = revived(&config.log.erasures, &voucher, &*engine).map_err(StartError::from)?;
        let first = unsealed(&*engine, &keyring, Period::of(now_ms), epoch, &made, &revived, opening)?;
        let first = first.with_rows(batch, Vec::new());
        let tally = Arc::new(allow::kept(&*engine, &keyring, now_ms)?);
        let (keyring, gate) = (keyring.with(lines), Gate::new(&config, in_force)?);
        let ledger = Ledger::start(&engine, &clock, &log_place(&config), (log_keys, voucher), epoch, first)?;
        // Which rows went with keys that were destroyed before this start is not known.
        if ledger.shared().erased_to() > ledger.shared().final_to() {
            ledger.shared().touch(gate.in_force().schema.iter().map(|category| Family::Rows(category.name)));
            ledger.shared().touch([Family::Keys]);
        }
        let metrics = Metrics::new(ledger.shared().figures(), gate.applications());
        Ok(House {
            config,
            engine,
            clock,
            gate,
            ledger,
            unattributed: Unattributed::default(),
            activation: tokio::sync::Mutex::new(()),
            asking: tokio::sync::Mutex::new(()),
            tally,
            metrics,
            jobs: Jobs::default(),
            upkeep: RwLock::default(),
            keyring: RwLock::new(Arc::new(keyring)),
            root: RwLock::new(Root { id: root.id(), kept: None }),
            drilled_ms: AtomicU64::new(drilled_ms),
            ending: watch::Sender::new(Ending::No),
        })
    }

    /// Policy and schema in force in a store that no vault has open, if it was this vault that put them there.
    pub fn in_force(config: &Config, engine: &dyn Engine, root: &RootKey) -> Result<InForce, HouseError> {
        let stored = Proposal::stored(engine)?;
        let (keyring, _) = Keyring::open(engine, root)?;
        stored.check(engine, keyring.audit(&VAULT).ok_or(KeyringError::Missing("vault's audit"))?)?;
        stored.in_force(config)
    }

    /// Goes on with what was begun before the vault was last stopped.
    pub fn resume_jobs(self: &Arc<Self>) {
        self.jobs.wake(self);
    }

    /// Ends what goes on without a request, serves what waits for the log, and writes the head.
    pub fn close(&self) {
        self.jobs.stop();
        self.ledger.close();
    }

    /// The log.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The keys that are open.
    pub(super) fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_keyring(&self, keyring: Keyring) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
    }

    /// The controller's key for whoever has none, of this half-year; made when it is first needed.
    pub(super) async fn unattributed_key(
        self: &Arc<Self>,
        controller: &Name,
        period: Period,
    ) -> Result<Arc<AuditKey>, Problem> {
        for _ in 0..UNATTRIBUTED_TRIES {
            if let Some(key) = self.unattributed.get(controller, &period) {
                return Ok(key);
            }
            let keyring = self.keyring();
            let audit = keyring.audit(controller).ok_or_else(|| Problem::new(Code::Internal))?;
            let whom = Audited::Unattributed(period.as_str());
            // Once a half-year: worth a read of the disk on the spot.
            match audit.audit_key(&View::blocking(&*self.engine), whom) {
                Ok(Ok(Some(key))) => self.unattributed.set(*controller, period, Arc::new(key)),
                Ok(Ok(None)) => self.make_unattributed(controller, period, whom).await?,
                Ok(Err(_)) => return Err(Problem::new(Code::Altered)),
                Err(unread) => return Err(problem_of(unread.into())),
            }
        }
        Err(Problem::new(Code::Busy))
    }

    /// The same, of any half-year, if there is one: of what was kept under it. Makes none.
    pub(super) fn kept_unattributed(
        &self,
        view: &View<'_>,
        controller: &Name,
        period: Period,
    ) -> Result<Result<Arc<AuditKey>, Altered>, Halt> {
        if let Some(key) = self.unattributed.get(controller, &period) {
            return Ok(Ok(key));
        }
        let keyring = self.keyring();
        let Some(audit) = keyring.audit(controller) else { return Ok(Err(Altered)) };
        let key = audit.audit_key(view, Audited::Unattributed(period.as_str()))?;
        Ok(key.and_then(|key| key.ok_or(Altered)).map(Arc::new))
    }

    async fn make_unattributed(
        self: &Arc<Self>,
        controller: &Name,
        period: Period,
        whom: Audited<'_>,
    ) -> Result<(), Problem> {
        let submission = self.unattributed_made(controller, period, whom).map_err(problem_of)?;
        match self.ledger.submit(vec![submission]).await.pop() {
            Some(Ok(_) | Err(Rejected::Again)) => Ok(()),
            Some(Err(rejected)) => Err(Problem::new(code_of(&rejected))),
            None => Err(Problem::new(Code::Internal)),
        }
    }

    /// The key, its rows, and the leaf that says so.
    fn unattributed_made(&self, controller: &Name, period: Period, whom: Audited<'_>) -> Result<Submission, Halt> {
        let keyring = self.keyring();
        let (mut batch, mut needs) = (Batch::new(), Vec::new());
        let audit = keyring.audit(controller).ok_or(Halt::NotMade)?;
        let (id, key) = audit.make_audit(whom, &mut batch, &mut needs).map_err(|_| Halt::NotMade)?;
        let common = Circumstances::of_the_vault(*controller, period, self.gate.in_force().epoch);
        let about = About::Unattributed { key: &key, person: None };
        let private = Private { made: vec![id.to_string()], ..Private::default() };
        let entry = Entry::own(Action::KeyCreate, &common, about, Detail::default(), private)?;
        // Urgent, since every refusal and every erasure needs it, once a half-year.
        Ok(Submission::unbound(entry).with_rows(batch, needs).urgent())
    }

    /// The root key, for as long as it is used. It is not kept in memory where its seal gives it again; shares are
    /// handed in once, so that with them it is kept while the vault is open.
    pub(super) fn root(&self) -> Result<Arc<RootKey>, Problem> {
        let in_force = {
            let root = self.root.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = &root.kept {
                return Ok(Arc::clone(kept));
            }
            root.id
        };
        opened(&self.config, in_force).map(Arc::new).map_err(|error| problem_of_seal(&error))
    }

    /// The id of the root key that is in force.
    pub(super) fn root_id(&self) -> KeyId {
        self.root.read().unwrap_or_else(PoisonError::into_inner).id
    }

    /// What holds the root key.
    pub(super) fn seal(&self) -> Result<Box<dyn Seal>, Problem> {
        self.config.open_seal().map_err(|error| problem_of_seal(&error))
    }

    /// Another root key is in force: everything lies under it. It is kept where the seal that holds it does not give it again.
    pub(super) fn set_root(&self, root: Arc<RootKey>, held_by: SealKind) {
        let mut now = self.root.write().unwrap_or_else(PoisonError::into_inner);
        *now = Root { id: root.id(), kept: (held_by == SealKind::Shamir).then_some(root) };
    }

    /// The vault is about to be sealed.
    pub(super) fn begin_closing(&self) {
        self.ending.send_replace(Ending::Closing);
        self.jobs.stop();
    }

    /// Whether long work has to stop at its next step, since the vault is about to be sealed.
    pub fn is_closing(&self) -> bool {
        *self.ending.borrow() >= Ending::Closing
    }

    /// Ends what is still under way.
    pub(super) fn cut(&self) {
        self.ending.send_if_modified(|ending| std::mem::replace(ending, Ending::Cut) != Ending::Cut);
    }

    /// Returns once what is under way is cut. Holds no house.
    pub(super) fn until_cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ending = self.ending.subscribe();
        async move {
            // A house that is gone has nothing under way.
            let _ = ending.wait_for(|ending| *ending == Ending::Cut).await;
        }
    }

    /// Reads the issuers' key files again, if they have changed.
    pub fn reload_issuers(&self) -> Reloaded {
        self.gate.tokens().reload()
    }

    /// What is known of the files that are replaced while the vault runs.
    pub fn upkeep(&self) -> Upkeep {
        self.upkeep.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says what is known of them; `status` shows it.
    pub fn set_upkeep(&self, upkeep: Upkeep) {
        *self.upkeep.write().unwrap_or_else(PoisonError::into_inner) = upkeep;
    }

    /// Records one leaf that is bound to nothing.
    pub(super) async fn record_one(&self, submission: Submission) -> Result<Recorded, Problem> {
        match self.ledger.submit(vec![submission]).await.pop() {
            Some(Ok(mut recorded)) if !recorded.is_empty() => Ok(recorded.swap_remove(0)),
            Some(Err(rejected)) => Err(Problem::new(code_of(&rejected))),
            _ => Err(Problem::new(Code::Internal)),
        }
    }
}

impl Workshop for House {
    fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn gate(&self) -> &Gate {
        &self.gate
    }

    fn keyring(&self) -> Arc<Keyring> {
        House::keyring(self)
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    async fn leaf_of(self: &Arc<Self>, controller: Name) -> Result<(Circumstances, Arc<AuditKey>), Problem> {
        let period = Period::of(self.clock.now_ms());
        let key = self.unattributed_key(&controller, period).await?;
        Ok((Circumstances::of_the_vault(controller, period, self.gate.in_force().epoch), key))
    }
}

/// The clock from which on the vault goes by: not before the log's last leaf.
pub(super) fn forward(clock: Arc<dyn Clock>, engine: &dyn Engine) -> Result<Arc<Forward>, HouseError> {
    let clock = Arc::new(Forward::new(clock));
    clock.not_before(start::last_ms(engine)?);
    let behind_s = clock.ahead_ms() / 1_000;
    if behind_s > CLOCK_BEHIND_S_MAX {
        tracing::warn!(
            behind_s,
            "the machine's clock is behind the log's last leaf; until it is there, time stands still"
        );
    }
    Ok(clock)
}

/// A clock that is further behind the log than this is worth the operator's look.
const CLOCK_BEHIND_S_MAX: u64 = 60;

/// The leaf that says that the vault was opened, under its own unattributed key of the half-year; one for each key that is
/// new, and one for what was mended while it was shut.
fn unsealed(
    engine: &dyn Engine,
    keyring: &Keyring,
    period: Period,
    policy: u32,
    new_keys: &[Created],
    revived: &[Revived],
    opening: Opening,
) -> Result<Submission, HouseError> {
    let audit = keyring.audit(&VAULT).ok_or(KeyringError::Missing("vault's audit"))?;
    let whom = Audited::Unattributed(period.as_str());
    let (mut batch, mut needs, mut made) = (Batch::new(), Vec::new(), Vec::new());
    let key = match audit.audit_key(&View::blocking(engine), whom) {
        Ok(Ok(Some(key))) => key,
        Ok(Ok(None)) => {
            let (id, key) = audit.make_audit(whom, &mut batch, &mut needs)?;
            made.push(id.to_string());
            key
        }
        Ok(Err(_)) => return Err(KeyringError::Damaged.into()),
        Err(Unread::Store(error)) => return Err(error.into()),
        Err(Unread::NotCached | Unread::Withheld) => return Err(HouseError::NotMade),
    };
    let common = Circumstances::of_the_vault(VAULT, period, policy);
    let about = About::Unattributed { key: &key, person: None };
    let own =
        |action, detail, private| Entry::own(action, &common, about, detail, private).map_err(|_| HouseError::NotMade);
    // Keys that live though they were destroyed end first of all: the erasure ledger outlasts the store, so whoever puts a
    // store back does not bring erased people back. Rows under these keys stay, and nobody reads them.
    for one in revived {
        one.unlisted(engine, &mut batch).map_err(StartError::from)?;
    }
    let ended_again = revived.chunks(KEYS_OF_A_LEAF).map(|keys| {
        let destroyed = keys.iter().map(|one| one.id.to_string()).collect();
        own(Action::ErasedAgain, Detail::default(), Private { destroyed, ..Private::default() })
    });
    let Opening { mended, app, private } = opening;
    let by = Circumstances { app, ..common.clone() };
    let unsealed = Entry::own(Action::VaultUnseal, &by, about, Detail::default(), Private { made, ..private });
    let mut leaves = ended_again.chain([unsealed.map_err(|_| HouseError::NotMade)]);
    let first = leaves.next().ok_or(HouseError::NotMade)??;
    let whole = leaves.try_fold(Submission::unbound(first), |whole, leaf| Ok::<_, HouseError>(whole.and(leaf?)))?;
    // Urgent: a vault that cannot be started cannot be revoked in either.
    let unsealed = whole.with_rows(batch, needs).destroying(revived.iter().map(|one| one.id)).urgent();
    let opened = new_keys.iter().try_fold(unsealed, |whole, created| {
        let (detail, private) = key_detail(created);
        Ok::<_, HouseError>(whole.and(own(Action::KeyCreate, detail, private)?))
    })?;
    let Some(Mended { action, permitted_by, note }) = mended else { return Ok(opened) };
    let detail = Detail { written: permitted_by, ..Detail::default() };
    let private = Private { note: Some(note), ..Private::default() };
    Ok(opened.and(own(action, detail, private)?))
}

/// Keys that one leaf names, at most.
const KEYS_OF_A_LEAF: usize = 1_000;

/// Against requests that race to make the same key.
const UNATTRIBUTED_TRIES: usize = 4;

/// The root key that is in force from a seal that gives it by itself. One that could not take its place when it came into force
/// takes it now; under any other nothing may be put.
fn opened(config: &Config, in_force: KeyId) -> Result<RootKey, SealError> {
    match config.open_seal().and_then(|seal| seal.open(&[])) {
        Ok(root) if root.id() == in_force => Ok(root),
        _ => {
            config.settle_seal(in_force)?;
            config.open_seal()?.open(&[])
        }
    }
}

/// The controllers, the vault's own among them.
pub(super) fn controllers(config: &Config) -> impl Iterator<Item = Name> + '_ {
    std::iter::once(VAULT).chain(config.controllers.iter().map(|controller| controller.name))
}

/// The families of the categories.
pub(super) fn families(in_force: &InForce) -> Vec<Family> {
    in_force.schema.iter().map(|category| Family::Rows(category.name)).collect()
}

/// Where the configuration keeps the log.
pub(super) fn log_place(config: &Config) -> LogPlace {
    LogPlace {
        origin: config.log.origin.clone(),
        head: config.log.head.clone(),
        erasures: config.log.erasures.clone(),
        reserve_bytes: config.store.reserve_mib << 20,
    }
}
