//! `certificates/issue`: what the vault states, under the log's key, about the end of keys or data; and the making of it,
//! for every act that ends something.
//!
//! A certificate of an erasure says nothing that tells who was erased: it holds the leaf, whose alias is a name in the log
//! alone, and the leaf's commitment to its private part. Whoever has that part, from the receipt of the erase, can show
//! that the two belong together; nobody else can, and the certificate may be filed anywhere.

use std::sync::Arc;

use coffer_wire::api::{CertificateAnswer, CertificateRequest, ProveRequest};
use coffer_wire::certificate::{Archives, Certificate, KEYS_MAX, Key, Kind, Proved, Shown, State};
use coffer_wire::leaf::{Action, Leaf};
use coffer_wire::name::VAULT;
use coffer_wire::note::Checkpoint;
use coffer_wire::private::Private;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::tree::leaf_hash;
use coffer_wire::{Hash, note};

use super::answer::{Answered, body};
use super::blocking::blocking;
use super::{House, Incoming, manage};
use crate::keyring::Audited;
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
    let issued = blocking(move || of_erasure(&at, asked.leaf).and_then(|told| issue(&at, told)));
    let certificate = match issued.await.map_err(|_| Problem::new(Code::Internal))? {
        Ok(certificate) => certificate,
        Err(NotIssued::NoSuchAct) => {
            let detail = "`leaf` must be the index of a leaf of an erase, as its receipt names it";
            return Err(Problem::new(Code::Malformed).with_detail(detail));
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
    let (leaf, act) = proved(house, told.leaf, size)?;
    if leaf.granted.is_none() || !told.kind.actions().contains(&leaf.action.as_str()) {
        return Err(NotIssued::NoSuchAct);
    }
    let last = ended.map(|ended| shown(house, Volume::split(ended.leaf).1, size)).transpose()?;
    let (done_ms, last) = last.map_or((leaf.t, None), |(last, proved)| (last.t, Some(proved)));
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
        act,
        last,
        checkpoint: checkpoint.to_string(),
        issued_ms: house.clock.now_ms().max(done_ms),
    }))
}

/// What is to be certified of an erase: its keys stand in the erasure ledger, under the first leaf of the act. `None`: of
/// the newest.
fn of_erasure(house: &House, leaf: Option<u64>) -> Result<Statement, NotIssued> {
    let volume = volume(house);
    let history = History::of(&*house.engine, volume);
    let (mut first, mut keys, mut key_count) = (None, Vec::new(), 0);
    erasures::read(&house.config.log.erasures, None, &mut |erased| {
        // An act of a log that has ended is certified out of that log.
        let (of, at) = Volume::split(erased.at);
        if of != volume || leaf.is_some_and(|leaf| at > leaf) || first.is_some_and(|first| at < first) {
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
    let first = first.ok_or(NotIssued::NoSuchAct)?;
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
    Ok(Statement { kind: Kind::Erasure, leaf, from_ms: None, keys, key_count, record_count: None, archives: None })
}

/// The log that is open.
fn volume(house: &House) -> Volume {
    house.ledger.shared().line().volume()
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

/// The same with the private part, of a leaf of the vault's own that speaks of nobody.
fn shown(house: &House, index: u64, size: u64) -> Result<(Leaf, Proved), NotIssued> {
    let (leaf, proved) = proved(house, index, size)?;
    let row = house.engine.get(Family::Private, &leaf_key(volume(house).position(index)))?.ok_or(NotIssued::Altered)?;
    let stored = StoredPrivate::parse(&row).ok_or(NotIssued::Altered)?;
    let keyring = house.keyring();
    let audit = keyring.audit(&VAULT).ok_or(NotIssued::Altered)?;
    let whom = Audited::Unattributed(stored.period().as_str());
    let key = match audit.audit_key(&View::blocking(&*house.engine), whom) {
        Ok(Ok(Some(key))) if stored.is_unattributed() => key,
        _ => return Err(NotIssued::Altered),
    };
    let (salt, private) = stored.show(&key, &leaf.controller, &leaf.commit).ok_or(NotIssued::Altered)?;
    let shown = Some(Shown { salt: Hash::from_bytes(salt), private });
    Ok((leaf, Proved { shown, ..proved }))
}
