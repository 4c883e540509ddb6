//! What can be made again out of leaves, private parts and keys: the tiles of the tree, controllers' last numbers, and
//! the rows that say which keys a person has.
//!
//! Made again only over a log that is the one that was signed: every leaf of it is hashed first. A row that says which
//! key a person has is vouched for anew, so it is made only where the log itself says for whom the key was made: what a
//! key's row claims, whoever writes to the disk can claim. Nothing that is right is written; so a rebuild that was stopped is
//! begun again, and goes on.

use std::collections::{BTreeMap, BTreeSet};

use coffer_keys::{KeyId, RootKey};
use coffer_wire::tree::leaf_hash;
use serde::Serialize;

use super::keys::Wraps;
use super::log::Log;
use super::past::Past;
use super::{Check, CheckError, Code, Home, Progress, index_of};
use crate::keyring::record::{IndexRow, SubjectRow};
use crate::keyring::{Line, SubjectIndex};
use crate::ledger::history::{Growth, History};
use crate::ledger::{Volume, number_key};
use crate::seal::verify::Verifier;
use crate::store::{Batch, Family, meta};

/// What may be wrong where something is made again: what is made again, and what says nothing about the leaves.
const MENDED: [Code; 4] = [Code::TileMissing, Code::TileAltered, Code::HeadMissing, Code::HeadOfAnotherLog];
/// Bytes that are committed at once.
const BATCH_BYTES: usize = 4 << 20;

/// How much was, or would be, made again.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Rebuilt {
    /// Full tiles of the tree.
    pub tiles: u64,
    /// Last numbers of controllers.
    pub numbers: u64,
    /// Rows that say which key a person has, made or removed; without the seal, none is looked at.
    pub index_rows: u64,
}

/// Makes again what is wrong of it, or with `dry` only counts it.
pub fn rebuild(
    home: &Home<'_>,
    root: Option<&RootKey>,
    progress: &dyn Progress,
    dry: bool,
) -> Result<Rebuilt, CheckError> {
    let mut check = Check::of(home, progress, root.is_some())?;
    let log = check.log()?;
    let wrong = check.report.findings.counts().keys().find(|code| !MENDED.contains(code));
    if let Some(code) = wrong {
        return Err(CheckError::NoBasis(code.as_str()));
    }
    let mut work = Work { check, dry, batch: Batch::new(), made: Rebuilt::default() };
    work.tiles(&log)?;
    work.numbers(&log)?;
    if let Some(root) = root {
        let wraps = work.check.wraps(&log)?;
        let verifier = work.check.unseal(root, &wraps)?;
        if let Some(mut past) = work.check.past(&verifier, &wraps, &log)? {
            work.index_rows(&wraps, &verifier, &mut past)?;
        }
    }
    work.commit()?;
    Ok(work.made)
}

struct Work<'a> {
    check: Check<'a>,
    dry: bool,
    batch: Batch,
    made: Rebuilt,
}

impl Work<'_> {
    fn tiles(&mut self, log: &Log) -> Result<(), CheckError> {
        let volumes = log.volumes(self.check.volume);
        volumes.into_iter().try_for_each(|(volume, size)| self.tiles_of(volume, size))
    }

    fn tiles_of(&mut self, volume: Volume, size: u64) -> Result<(), CheckError> {
        self.check.progress.stage("tiles", Some(size));
        let engine = self.check.home.engine;
        let growth = Growth::resume(&History::of(engine, volume), 0);
        let Ok(mut growth) = growth else { return Err(CheckError::NoBasis(Code::LeafMissing.as_str())) };
        let (mut batch, made, dry) = (Batch::new(), &mut self.made, self.dry);
        self.check.each(Family::Leaves, &self.check.prefix(volume), |check, key, leaf| {
            if index_of(key).is_none_or(|position| Volume::split(position).1 >= size) {
                return Ok(());
            }
            let mut full = Batch::new();
            growth.push(leaf_hash(leaf), &mut full);
            for tile in full.iter() {
                if check.get(tile.family, &tile.key)? != tile.value {
                    made.tiles += 1;
                    if let (Some(value), false) = (&tile.value, dry) {
                        batch.put(tile.family, tile.key.clone(), value.clone());
                    }
                }
            }
            if batch.bytes() >= BATCH_BYTES {
                engine.commit(&std::mem::take(&mut batch)).map_err(CheckError::Store)?;
            }
            Ok(())
        })?;
        self.batch.extend(batch);
        self.commit()
    }

    fn numbers(&mut self, log: &Log) -> Result<(), CheckError> {
        let mut stored = BTreeMap::new();
        self.check.each(Family::Meta, meta::NUMBER_PREFIX, |_, key, value| {
            stored.insert(key.to_vec(), value.to_vec());
            Ok(())
        })?;
        for (controller, last) in &log.numbers {
            let (key, value) = (number_key(controller), last.encode());
            if stored.remove(&key).is_none_or(|stored| stored != value) {
                self.made.numbers += 1;
                self.batch.put(Family::Meta, key, value);
            }
        }
        for key in stored.into_keys() {
            self.made.numbers += 1;
            self.batch.delete(Family::Meta, key);
        }
        self.commit()
    }

    fn index_rows(&mut self, wraps: &Wraps, verifier: &Verifier, past: &mut Past<'_>) -> Result<(), CheckError> {
        self.check.progress.stage("index rows", None);
        let mut right: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut proven: BTreeSet<KeyId> = BTreeSet::new();
        self.check.each(Family::Keys, SubjectRow::PREFIX, |_, key, value| {
            let (Some(id), Some(SubjectRow::Living { wrapped_by, index, .. })) =
                (SubjectRow::id(key), SubjectRow::decode(value))
            else {
                return Ok(());
            };
            let line =
                wraps.category(&wrapped_by).and_then(|(controller, category)| verifier.line(&controller, &category));
            if let Some(line) = line
                && past.was_made_for(&id, line, &index)
            {
                right.insert(IndexRow::key(&index), line.index_row_of(index, &id));
                proven.insert(id);
            }
            Ok(())
        })?;
        let (mut put, mut gone) = (Vec::new(), Vec::new());
        self.check.each(Family::Keys, IndexRow::PREFIX, |check, key, value| {
            match right.remove(key) {
                Some(row) if row == value => {}
                Some(row) => put.push((key.to_vec(), row)),
                // It leads to a key that has ended, or that is somebody else's. One to a key of which the log does not say so
                // stays.
                None if check.leads_nowhere(past, &proven, value)? => gone.push(key.to_vec()),
                None => {}
            }
            Ok(())
        })?;
        put.extend(right);
        self.made.index_rows += (put.len() + gone.len()) as u64;
        put.into_iter().for_each(|(key, row)| self.batch.put(Family::Keys, key, row));
        gone.into_iter().for_each(|key| self.batch.delete(Family::Keys, key));
        self.commit()
    }

    fn commit(&mut self) -> Result<(), CheckError> {
        let batch = std::mem::take(&mut self.batch);
        if self.dry || batch.is_empty() {
            return Ok(());
        }
        self.check.home.engine.commit(&batch).map_err(CheckError::Store)
    }
}

impl Check<'_> {
    /// Whether the key that an index row names has ended, or is one of those that stand elsewhere, as the log says.
    fn leads_nowhere(&mut self, past: &Past<'_>, elsewhere: &BTreeSet<KeyId>, row: &[u8]) -> Result<bool, CheckError> {
        let Some(IndexRow { id, .. }) = IndexRow::decode(row) else { return Ok(false) };
        let subject = self.get(Family::Keys, &SubjectRow::key(&id))?;
        Ok(match subject.as_deref().and_then(SubjectRow::decode) {
            Some(SubjectRow::Destroyed { .. }) => past.destroyed.contains_key(&id),
            Some(SubjectRow::Living { .. }) => elsewhere.contains(&id),
            None => false,
        })
    }
}

impl Past<'_> {
    /// Whether the log says that the key was made for who is found at this index: the record's own person, or somebody
    /// else in it.
    fn was_made_for(&mut self, id: &KeyId, line: &Line, index: &[u8; 32]) -> bool {
        let Some(leaf) = self.made.get(id).copied() else { return false };
        let Some(private) = self.private(leaf) else { return false };
        let Some(person) = &private.person else { return false };
        let own = std::iter::once(SubjectIndex::own(line, person.as_str()));
        let within = private.others.iter().filter_map(|other| {
            let record = private.record.as_ref()?;
            Some(SubjectIndex::within(line, other.as_str(), person.as_str(), record.as_str()))
        });
        own.chain(within).any(|candidate| candidate.row_key() == IndexRow::key(index))
    }
}
