//! A log that cannot go on is closed, and another opened that follows it: after a restore, where leaves were damaged, where the
//! head was lost, or where others may hold the log's key. On a store that no vault has open.

use std::path::Path;
use std::sync::Arc;

use coffer_keys::RootKey;
use coffer_wire::Hash;
use coffer_wire::leaf::Action;
use coffer_wire::name::VAULT;
use coffer_wire::note::{Checkpoint, VerifierKey};
use coffer_wire::private::Private;
use coffer_wire::succession::{Handover, Succession, Why};
use coffer_wire::tree::empty_root;

use super::genesis::{Proposal, key_detail};
use super::house::{HouseError, Mended, forward, log_place};
use crate::clock::{Clock, Period};
use crate::config::Config;
use crate::keyring::record::{RootRow, State};
use crate::keyring::{self, Audited, Created, Keyring, KeyringError, LogKeys, create_log_key, root_row};
use crate::ledger::line::Line;
use crate::ledger::start::{Own, StartError, newest_note};
use crate::ledger::{About, Circumstances, Detail, Entry, Last, Ledger, Submission, Volume, hand_over, sound_prefix};
use crate::store::{Batch, Engine, Family, Overlay, Unread, View, format, meta};

/// Why a log is closed, and what is known of it.
pub struct Ending<'a> {
    /// Why. A compromised key is replaced by a new one, and so is one that is [lost](Closing::why); every other successor keeps the key.
    pub why: Why,
    /// Checkpoints of the log that somebody outside remembers, as signed notes, beside the store's and the head's.
    pub seen: &'a [String],
    /// In words, for the private part of the first leaf: who permitted it, and why.
    pub said: &'a str,
    /// What else was done to the vault meanwhile; the log says it next.
    pub mended: Option<Mended>,
}

/// What is known of a log that is about to be closed.
pub struct Closing {
    /// The line that leads to it: the store's or, where that is longer, the one beside the head.
    line: Line,
    /// The largest checkpoint that is known to have been signed.
    pub last: Checkpoint,
    /// How far the store holds it, or the log before it.
    pub kept: Checkpoint,
    /// The log was handed on to a key that this store, which is older, does not hold.
    key_is_lost: bool,
}

/// Closes the log of a store and opens its successor, with its head: `name/2`, or whatever follows. The leaves that are there
/// stay where they are. The head that `config` names may be of the log that is closed, of another, or missing.
pub fn succeed(
    config: &Config,
    engine: &Arc<dyn Engine>,
    clock: &Arc<dyn Clock>,
    root: &RootKey,
    ending: Ending<'_>,
) -> Result<(Succession, VerifierKey), HouseError> {
    format::check(&**engine)?;
    let (keyring, keys) = Keyring::open(&**engine, root)?;
    let stored = Proposal::stored(&**engine)?;
    let vault = keyring.audit(&VAULT).ok_or(KeyringError::Missing("vault's audit"))?;
    stored.check(&**engine, vault)?;
    let clock = forward(Arc::clone(clock), &**engine)?;
    let now_ms = clock.now_ms();
    let mut batch = Batch::new();
    let closing = Closing::of(config, &**engine, &keys, ending.seen)?;
    let why = closing.why(ending.why);
    let (new, made) = match why.is_without_key() {
        true => replaced((&**engine, vault), root, &keys, now_ms, &mut batch)?,
        false => (None, Vec::new()),
    };
    let public = new.as_ref().map_or(keys.present.key.public(), |new| new.present.key.public());
    let origin = Volume::of_origin(&closing.last.origin).next().ok_or(StartError::LineFull)?.origin(&config.log.origin);
    let successor = VerifierKey::new(&origin, public).map_err(|_| StartError::Origin)?;
    let Closing { mut line, last, kept, .. } = closing;
    let succession = Succession { last, kept, successor, why, made_ms: now_ms };
    let note = hand_over(&Handover::Succession(succession.clone()), &keys.present)?;
    line.push(note)?;
    line.put(&mut batch);
    forget(&**engine, &mut batch)?;
    let leaves = Leaves { engine: &**engine, keyring: &keyring, period: Period::of(now_ms), policy: stored.epoch };
    let first = leaves.first(&succession, &made, ending, batch)?;
    let vkey = Ledger::succeed(engine, &clock, &log_place(config), new.unwrap_or(keys), line, first)?;
    Ok((succession, vkey))
}

impl Closing {
    /// What store, head, notes beside it and those who remember know together.
    pub fn of(config: &Config, engine: &dyn Engine, keys: &LogKeys, seen: &[String]) -> Result<Closing, HouseError> {
        let head = &config.log.head;
        let (stored, beside) = (Line::stored(engine)?, Line::beside(head)?);
        let volume = stored.volume();
        let line = match () {
            () if beside.leads_to(&stored) => stored,
            () if stored.leads_to(&beside) => beside,
            () => return Err(StartError::AnotherLine.into()),
        };
        let mut own = Own::new(&line.volume().origin(&config.log.origin), keys.public())?;
        let origin = own.present.name().to_owned();
        let counts = line.handovers().next_back().map(|last| *last.key().public());
        let key_is_lost = counts.is_some_and(|counts| counts != *own.present.public());
        if key_is_lost {
            // What it has signed tells how far the log came.
            let before = VerifierKey::new(&volume.origin(&config.log.origin), keys.present.key.public());
            let trust =
                line.trusted_from(&before.map_err(|_| StartError::Origin)?).map_err(|_| StartError::Handover)?;
            own = own.and(&trust);
        }
        let newest = newest_note(engine)?.and_then(|note| own.verify(&note, &line));
        let newest = newest.filter(|newest| Volume::of_origin(&newest.origin) == volume);
        let kept = match &newest {
            Some(newest) => sound_prefix(engine, volume, newest)?,
            None => Checkpoint { origin: volume.origin(&config.log.origin), size: 0, root: empty_root() },
        };
        let mut known: Vec<Checkpoint> = newest.into_iter().collect();
        known.extend(head_note(head)?.and_then(|note| own.verify(&note, &line)));
        for note in seen {
            known.push(own.verify(note, &line).ok_or(StartError::HeadOfAnotherLog)?);
        }
        known.retain(|checkpoint| checkpoint.origin == origin);
        let none = Checkpoint { origin, size: 0, root: empty_root() };
        let last = known.iter().max_by_key(|checkpoint| checkpoint.size).cloned().unwrap_or(none);
        match known.iter().find(|other| other.size == last.size && other.root != last.root) {
            Some(fork) => Err(StartError::Fork(fork.size).into()),
            None => Ok(Closing { line, last, kept, key_is_lost }),
        }
    }

    /// Why it is closed, where this is what brings it about: a key that is lost hands nothing on, whatever else has happened.
    pub fn why(&self, why: Why) -> Why {
        if self.key_is_lost { Why::KeyLost } else { why }
    }
}

fn head_note(head: &Path) -> Result<Option<String>, StartError> {
    match crate::ledger::head::read(head) {
        Ok(note) => Ok(note),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StartError::Head(error)),
    }
}

/// A new log key in the place of one that others may hold; the old one signs nothing but the note that closes its log.
fn replaced(
    (engine, vault): (&dyn Engine, &keyring::Line),
    root: &RootKey,
    keys: &LogKeys,
    now_ms: u64,
    batch: &mut Batch,
) -> Result<(Option<LogKeys>, Vec<Created>), HouseError> {
    let version = keys.present.version + 1;
    let (key, created) = create_log_key(root, vault, version, now_ms, batch)?;
    let mut old = RootRow { state: State::Compromised, ..root_row(engine, &keys.present.id)? };
    old.vouch(&keys.present.id, vault.locator());
    batch.put(Family::Keys, RootRow::key(&keys.present.id), old.encode());
    Ok((Some(LogKeys::new(created.id, version, key)), vec![created]))
}

/// What spoke of leaves by their place in the log that is closed: each controller begins at number one again, and requests are
/// not told their outcome twice.
fn forget(engine: &dyn Engine, batch: &mut Batch) -> Result<(), HouseError> {
    let rows = Overlay::new(engine);
    for (key, _) in rows.under(Family::Meta, meta::NUMBER_PREFIX)? {
        batch.put(Family::Meta, key, Last::default().encode());
    }
    for (key, _) in rows.under(Family::Meta, meta::IDEMPOTENCY_PREFIX)? {
        batch.delete(Family::Meta, key);
    }
    Ok(())
}

/// The leaves with which a successor begins.
struct Leaves<'a> {
    engine: &'a dyn Engine,
    keyring: &'a Keyring,
    period: Period,
    policy: u32,
}

impl Leaves<'_> {
    /// Leaf 0 names the note, and so both heads; then a leaf for each key that is new, and for what else was done.
    fn first(
        &self,
        succession: &Succession,
        made: &[Created],
        ending: Ending<'_>,
        mut batch: Batch,
    ) -> Result<Submission, HouseError> {
        let audit = self.keyring.audit(&VAULT).ok_or(KeyringError::Missing("vault's audit"))?;
        let whom = Audited::Unattributed(self.period.as_str());
        let (mut needs, mut ids) = (Vec::new(), Vec::new());
        let key = match audit.audit_key(&View::blocking(self.engine), whom) {
            Ok(Ok(Some(key))) => key,
            Ok(Ok(None)) => {
                let (id, key) = audit.make_audit(whom, &mut batch, &mut needs)?;
                ids.push(id.to_string());
                key
            }
            Ok(Err(_)) => return Err(KeyringError::Damaged.into()),
            Err(Unread::Store(error)) => return Err(error.into()),
            Err(Unread::NotCached | Unread::Withheld) => return Err(HouseError::NotMade),
        };
        let common = Circumstances::of_the_vault(VAULT, self.period, self.policy);
        let about = About::Unattributed { key: &key, person: None };
        let leaf = |action, written: Option<Hash>, private| {
            let detail = Detail { written, ..Detail::default() };
            Entry::own(action, &common, about, detail, private).map_err(|_| HouseError::NotMade)
        };
        let (why, said) = (succession.why.as_str(), ending.said);
        let private = Private { made: ids, note: Some(format!("{why}: {said}")), ..Private::default() };
        let named = Handover::Succession(succession.clone()).hash();
        let opened =
            Submission::unbound(leaf(Action::LogSucceed, Some(named), private)?).with_rows(batch, needs).urgent();
        let opened = made.iter().try_fold(opened, |whole, created| {
            let (detail, private) = key_detail(created);
            let entry = Entry::own(Action::KeyCreate, &common, about, detail, private);
            Ok::<_, HouseError>(whole.and(entry.map_err(|_| HouseError::NotMade)?))
        })?;
        let Some(Mended { action, permitted_by, note }) = ending.mended else { return Ok(opened) };
        let private = Private { note: Some(note), ..Private::default() };
        Ok(opened.and(leaf(action, permitted_by, private)?))
    }
}
