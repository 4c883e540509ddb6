//! `certificates/issue`: what the vault states, under the log's key, about the end of keys or data; and the making of it,
//! for every act that ends something.
//!
//! A certificate of an erasure says nothing that tells who was erased: it holds the leaf, whose alias is a name in the log
//! alone, and the leaf's commitment to its private part. Whoever has that part, from the receipt of the erase, can show
//! that the two belong together; nobody else can, and the certificate may be filed anywhere.

use std::collections::HashSet;
use std::sync::Arc;

use coffer_wire::api::{CertificateAnswer, CertificateRequest, ProveRequest};
use coffer_wire::certificate::{Archives, Certificate, KEYS_MAX, Key, Kind, NextKey, Proved, Shown, State};
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::note::{Checkpoint, VerifierKey};
use coffer_wire::private::{Private, SALT_BYTES};
use coffer_wire::problem::{Code, Problem};
use coffer_wire::succession::Handover;
use coffer_wire::tree::leaf_hash;
use coffer_wire::{Hash, note};

use super::answer::{Answered, body};
use super::blocking::blocking;
use super::{House, Incoming, manage};
use crate::keyring::record::{State as KeyState, Use};
use crate::keyring::{Audited, log_rows, root_rows};
use crate::ledger::erasures::{self, ErasuresError};
use crate::ledger::history::{History, HistoryError, leaf_key};
use crate::ledger::{Final, NotProved, StoredPrivate, Volume, prove};
use crate::store::{Family, StoreError, View};

/// Leaves of one act of erasing that are looked back over for the first of them.
const ACT_LEAVES_MAX: u64 = 4_096;

/// What is to be certified.
pub(super) struct Statement {
    /// What came to its end.
    pub(super) kind: Kind,
    /// The leaf of the act.
    pub(super) leaf: u64,
    /// When it began, where that is before the leaf.
    pub(super) from_ms: Option<u64>,
    /// The keys that ended; more than [`KEYS_MAX`] are counted alone.
    pub(super) keys: Vec<Key>,
    /// How many they are.
    pub(super) key_count: u64,
    /// How many records went with them.
    pub(super) record_count: Option<u64>,
    /// Until when archives may hold them.
    pub(super) archives: Option<Archives>,
    /// Whether it is a key of the log that ended.
    pub(super) is_of_the_log: bool,
    /// The key of the log that took its place, its version, and its leaf.
    pub(super) next: Option<(VerifierKey, u32, u64)>,
}

impl Statement {
    /// That these keys came to their end.
    fn of(kind: Kind, leaf: u64, keys: Vec<Key>, key_count: u64) -> Statement {
        let (from_ms, record_count, archives, next) = (None, None, None, None);
        Statement { kind, leaf, from_ms, keys, key_count, record_count, archives, is_of_the_log: false, next }
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotIssued {
    /// The log has no such leaf, or it is of no act of this kind.
    #[error("the leaf is of no act that a certificate of this kind is about")]
    NoSuchAct,
    /// A leaf or its proof cannot be had.
    #[error(transparent)]
    NotProved(#[from] NotProved),
    /// The log cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The erasure ledger cannot be read.
    #[error(transparent)]
    Erasures(#[from] ErasuresError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored does not read.
    #[error("what the log or the store holds of it does not read")]
    Altered,
}

pub(super) async fn serve(house: Arc<House>, incoming: Incoming) -> Answered {
    let asked: CertificateRequest = manage::read(&house, &incoming, Action::CertIssue, true).await?;
    // Behind the log's end there is nothing, and a number of the caller's own choice is not kept.
    let size = house.ledger.shared().size();
    let note = asked.leaf.map_or("the newest erase".to_owned(), |leaf| format!("leaf {}", leaf.min(size)));
    let private = Private { note: Some(note), ..Private::default() };
    let (desk, recorded) = manage::record(&house, &incoming, Action::CertIssue, private).await?;
    let at = Arc::clone(&house);
    let issued = blocking(move || told(&at, asked.leaf).and_then(|told| issue(&at, told)));
    let certificate = match issued.await.map_err(|_| Problem::new(Code::Internal))? {
        Ok(certificate) => certificate,
        Err(NotIssued::NoSuchAct) => {
            let detail = "`leaf` must be the index of a leaf of an erase, of `keys.destroy` (of a category's key, or of the log's) or \
                          `keys.shred` as its receipt names it, or of `keys.rewrap` or `keys.reseal`";
            return Err(Problem::new(Code::NotFound).with_detail(detail));
        }
        Err(error) => {
            tracing::error!(%error, "no certificate");
            return Err(house.fail_envelope(Action::CertIssue, &desk.common, &desk.unattributed).await);
        }
    };
    let mut notes = Vec::new();
    let receipt = recorded.into_receipt(&mut notes);
    body(&CertificateAnswer { certificate, receipt, notes })
}

/// Makes and signs the certificate of an act. Reads the store: blocks.
pub(super) fn issue(house: &House, told: Statement) -> Result<String, NotIssued> {
    let ended = match told.kind {
        Kind::Erasure | Kind::Destruction => Final::newest(&*house.engine)?,
        Kind::Rotation | Kind::Generation => None,
    };
    let volume = volume(house);
    let ended =
        ended.filter(|ended| ended.before > volume.position(told.leaf) && Volume::split(ended.leaf).0 == volume);
    let (checkpoint, size) = house.ledger.shared().newest_with_size();
    // The end of a job says in its private part how much was moved, and speaks of nobody.
    // Likewise that of a key of the log.
    let (leaf, act) = match told.kind {
        Kind::Rotation => shown(house, told.leaf, size)?,
        Kind::Destruction if told.is_of_the_log => shown(house, told.leaf, size)?,
        _ => proved(house, told.leaf, size)?,
    };
    if leaf.granted.is_none() || !told.kind.actions().contains(&leaf.action.as_str()) {
        return Err(NotIssued::NoSuchAct);
    }
    let last = ended.map(|ended| shown(house, Volume::split(ended.leaf).1, size)).transpose()?;
    let (done_ms, last) = last.map_or((leaf.t, None), |(last, proved)| (last.t, Some(proved)));
    let next = |(key, version, index)| {
        let (_, made) = proved(house, index, size)?;
        Ok::<_, NotIssued>(NextKey { key, version, made })
    };
    let next = told.next.map(next).transpose()?;
    let destroyed = last.is_some() || told.kind == Kind::Generation;
    let Checkpoint { origin, .. } =
        note::verify(&checkpoint, &house.ledger.verifier_key()).map_err(|_| NotIssued::Altered)?;
    Ok(house.ledger.certify(&Certificate {
        kind: told.kind,
        origin,
        controller: leaf.controller,
        category: leaf.category,
        keys: if told.key_count > KEYS_MAX as u64 { Vec::new() } else { told.keys },
        key_count: told.key_count,
        record_count: told.record_count,
        from_ms: told.from_ms.unwrap_or(leaf.t).min(leaf.t),
        to_ms: done_ms,
        state: if destroyed { State::Destroyed } else { State::Refused },
        archives: told.archives,
        next,
        act,
        last,
        checkpoint: checkpoint.to_string(),
        issued_ms: house.clock.now_ms().max(done_ms),
    }))
}

/// What is to be certified of the act of a leaf; `None`: of the newest erase.
fn told(house: &House, leaf: Option<u64>) -> Result<Statement, NotIssued> {
    let Some(index) = leaf else { return of_erasure(house, None) };
    let act = parsed(&History::of(&*house.engine, volume(house)), index)?;
    match act.action {
        Action::KeysRewrap | Action::KeysReseal => of_rotation(house, index, &act),
        Action::KeysDestroy | Action::KeysShred => of_destruction(house, index, &act),
        _ => of_erasure(house, leaf),
    }
}

/// Of a rotation that has ended: nothing is left under any version before the one that its leaf names.
fn of_rotation(house: &House, leaf: u64, act: &Leaf) -> Result<Statement, NotIssued> {
    let version = act.version.ok_or(NotIssued::NoSuchAct)?;
    let keys = versions(house, act, |of| of < version)?;
    let (_, told) = opened(house, leaf, act)?;
    let told: Private = serde_json::from_str(&told).map_err(|_| NotIssued::Altered)?;
    let began = told.began.map(Volume::split);
    let began = began.map(|(volume, index)| parsed(&History::of(&*house.engine, volume), index)).transpose()?;
    let from_ms = began.map(|began| began.t);
    let key_count = keys.len() as u64;
    Ok(Statement { from_ms, record_count: told.moved, ..Statement::of(Kind::Rotation, leaf, keys, key_count) })
}

/// Of a version of a category key that was destroyed, and of what ended with it.
fn of_destruction(house: &House, leaf: u64, act: &Leaf) -> Result<Statement, NotIssued> {
    if act.category.is_none() {
        return of_log_key(house, leaf, act);
    }
    let keys = versions(house, act, |of| act.version == Some(of))?;
    if keys.is_empty() {
        return Err(NotIssued::NoSuchAct);
    }
    let (mut under, at) = (HashSet::new(), volume(house).position(leaf));
    erasures::read(&house.config.log.erasures, None, &mut |erased| {
        if erased.at == at {
            under.insert(erased.id);
        }
        Ok(())
    })?;
    let (key_count, record_count) = (keys.len() as u64, Some(under.len() as u64));
    Ok(Statement { record_count, ..Statement::of(Kind::Destruction, leaf, keys, key_count) })
}

/// Of a key of the log, which ends some time after another took its place. One that others may hold ends with its log: then
/// the log that follows begins with the other, and no leaf of it says since when.
fn of_log_key(house: &House, leaf: u64, act: &Leaf) -> Result<Statement, NotIssued> {
    let version = act.version.ok_or(NotIssued::NoSuchAct)?;
    let rows = log_rows(&*house.engine).map_err(|_| NotIssued::Altered)?;
    let ended = rows.iter().find(|(_, row)| row.version == version && row.state == KeyState::Destroyed);
    let (id, _) = ended.ok_or(NotIssued::NoSuchAct)?;
    let keys = vec![Key { id: id.to_string(), version: Some(version) }];
    let next = next_log_key(house, version + 1)?;
    let from_ms = next.as_ref().map(|(.., made_ms)| *made_ms);
    let next = next.map(|(key, index, _)| (key, version + 1, index));
    Ok(Statement { from_ms, is_of_the_log: true, next, ..Statement::of(Kind::Destruction, leaf, keys, 1) })
}

/// The log's key of a version that was made in this log, its leaf and when that was. The leaf is the first that the note by
/// which the key before it handed on does not count.
fn next_log_key(house: &House, version: u32) -> Result<Option<(VerifierKey, u64, u64)>, NotIssued> {
    let history = History::of(&*house.engine, volume(house));
    let (line, own) = (house.ledger.shared().line(), house.ledger.verifier_key());
    let of_this_log = line.handovers().rev().map_while(|handover| match handover {
        Handover::Rekey(rekey) if rekey.log == own.name() => Some(rekey),
        _ => None,
    });
    for rekey in of_this_log {
        let leaf = parsed(&history, rekey.size)?;
        let names = leaf.row == Some(Hash::sha256(rekey.key.to_string().as_bytes()));
        if leaf.action == Action::LogRekey && names && leaf.version == Some(version) {
            return Ok(Some((rekey.key.clone(), rekey.size, leaf.t)));
        }
    }
    Ok(None)
}

/// Versions of the category key that a leaf is about.
fn versions(house: &House, act: &Leaf, wanted: impl Fn(u32) -> bool) -> Result<Vec<Key>, NotIssued> {
    let rows = root_rows(&*house.engine).map_err(|_| NotIssued::Altered)?;
    let mut of_line: Vec<_> = rows
        .iter()
        .filter(|(_, row)| row.usage == Use::Category && row.controller == act.controller && wanted(row.version))
        .filter(|(_, row)| Some(row.category) == act.category)
        .map(|(id, row)| Key { id: id.to_string(), version: Some(row.version) })
        .collect();
    of_line.sort_by_key(|key| key.version);
    Ok(of_line)
}

/// What is to be certified of an erase: its keys stand in the erasure ledger, under the first leaf of the act. `None`: of
/// the newest.
fn of_erasure(house: &House, leaf: Option<u64>) -> Result<Statement, NotIssued> {
    let history = History::of(&*house.engine, volume(house));
    let mut acts = newest_act(house, leaf)?;
    // What ended with a category key is named there too, and is no erase.
    while parsed(&history, acts.first)?.action == Action::KeysShred {
        acts = newest_act(house, Some(acts.first.checked_sub(1).ok_or(NotIssued::NoSuchAct)?))?;
    }
    let Named { first, keys, key_count } = acts;
    let leaf = leaf.unwrap_or(first);
    if leaf - first > ACT_LEAVES_MAX {
        return Err(NotIssued::NoSuchAct);
    }
    let own = parsed(&history, leaf)?;
    for index in first..leaf {
        let before = parsed(&history, index)?;
        let of_act = matches!(before.action, Action::RecordsErase | Action::SubjectsErase | Action::RecordsReseal);
        if !of_act || before.controller != own.controller || before.actor != own.actor.or(before.actor) {
            return Err(NotIssued::NoSuchAct);
        }
    }
    Ok(Statement::of(Kind::Erasure, leaf, keys, key_count))
}

/// The keys that the erasure ledger names under one leaf.
struct Named {
    first: u64,
    keys: Vec<Key>,
    key_count: u64,
}

/// Those of the newest leaf, at the latest the given one.
fn newest_act(house: &House, latest: Option<u64>) -> Result<Named, NotIssued> {
    let volume = volume(house);
    let (mut first, mut keys, mut key_count) = (None, Vec::new(), 0);
    erasures::read(&house.config.log.erasures, None, &mut |erased| {
        // An act of a log that has ended is certified out of that log.
        let (of, at) = Volume::split(erased.at);
        if of != volume || latest.is_some_and(|latest| at > latest) || first.is_some_and(|first| at < first) {
            return Ok(());
        }
        if first != Some(at) {
            (first, key_count) = (Some(at), 0);
            keys.clear();
        }
        key_count += 1;
        if keys.len() < KEYS_MAX {
            keys.push(Key { id: erased.id.to_string(), version: None });
        }
        Ok(())
    })?;
    Ok(Named { first: first.ok_or(NotIssued::NoSuchAct)?, keys, key_count })
}

/// The log that is open.
fn volume(house: &House) -> Volume {
    house.ledger.shared().volume()
}

fn parsed(history: &History<'_>, index: u64) -> Result<Leaf, NotIssued> {
    match history.leaf(index) {
        Ok(bytes) => Leaf::parse(&bytes).map_err(|_| NotIssued::Altered),
        Err(HistoryError::LeafMissing(_)) => Err(NotIssued::NoSuchAct),
        Err(error) => Err(error.into()),
    }
}

/// A leaf with its proof under the checkpoint of this size.
fn proved(house: &House, index: u64, size: u64) -> Result<(Leaf, Proved), NotIssued> {
    if index >= size {
        return Err(NotIssued::NoSuchAct);
    }
    let bytes = History::of(&*house.engine, volume(house)).leaf(index)?;
    let leaf = Leaf::parse(&bytes).map_err(|_| NotIssued::Altered)?;
    let asked = ProveRequest { index: Some(index), size: Some(size), from: None, log: None };
    let inclusion = prove(&*house.engine, house.ledger.shared(), &asked)?.inclusion.ok_or(NotIssued::Altered)?;
    let leaf_hash = leaf_hash(&bytes);
    let text = String::from_utf8(bytes).map_err(|_| NotIssued::Altered)?;
    Ok((leaf, Proved { index, leaf: text, leaf_hash, inclusion, shown: None }))
}

/// The same with the private part, of a leaf that speaks of nobody.
fn shown(house: &House, index: u64, size: u64) -> Result<(Leaf, Proved), NotIssued> {
    let (leaf, proved) = proved(house, index, size)?;
    let (salt, private) = opened(house, index, &leaf)?;
    let shown = Some(Shown { salt: Hash::from_bytes(salt), private });
    Ok((leaf, Proved { shown, ..proved }))
}

/// Salt and private part of a leaf that speaks of nobody.
fn opened(house: &House, index: u64, leaf: &Leaf) -> Result<([u8; SALT_BYTES], String), NotIssued> {
    let row = house.engine.get(Family::Private, &leaf_key(volume(house).position(index)))?.ok_or(NotIssued::Altered)?;
    let stored = StoredPrivate::parse(&row).ok_or(NotIssued::Altered)?;
    let keyring = house.keyring();
    let audit = keyring.audit(&leaf.controller).ok_or(NotIssued::Altered)?;
    let whom = Audited::Unattributed(stored.period().as_str());
    let key = match audit.audit_key(&View::blocking(&*house.engine), whom) {
        Ok(Ok(Some(key))) if stored.is_unattributed() => key,
        _ => return Err(NotIssued::Altered),
    };
    stored.show(&key, &leaf.controller, &leaf.commit).ok_or(NotIssued::Altered)
}
