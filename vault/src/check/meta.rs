//! The meta family: last numbers, and the policy and schema in force, held against the leaves.

use std::collections::BTreeMap;

use coffer_wire::name::VAULT;
use coffer_wire::{Hash, Name};
use subtle::ConstantTimeEq;

use super::log::Log;
use super::{Check, CheckError, Code, Finding, Place};
use crate::admit::tally::CountedRow;
use crate::admit::{Asked, Held, HeldAt, id_of};
use crate::jobs::{JOBS_KEPT, JobRow, Progress};
use crate::keyring::{audit_category, drill_tag, in_force_tag};
use crate::ledger::{Final, Last, Remembered, ended_at};
use crate::seal::verify::Verifier;
use crate::store::{Family, meta};

/// Bytes of the tag over policy and schema.
const TAG_BYTES: usize = 16;

/// Schema and policy are activated together when a vault is made, as epoch 1.
const FIRST_ACTIVATIONS: u64 = 2;

impl Check<'_> {
    pub(super) fn meta(&mut self, log: &Log) -> Result<(), CheckError> {
        let mut numbers = log.numbers.clone();
        let mut in_force = Vec::new();
        let mut jobs = Vec::new();
        self.each(Family::Meta, b"", |check, key, value| {
            match key {
                meta::CHECKPOINT | meta::FORMAT | meta::IN_FORCE | meta::DRILL => {}
                meta::ACCESS | meta::SCHEMA | meta::EPOCH => {
                    check.search_files(key, value);
                    in_force.push((key.to_vec(), value.to_vec()));
                }
                _ if key.starts_with(meta::HANDOVER_PREFIX) => {}
                _ if is_remembered(key, value) || is_asked(key, value) => {}
                _ if is_hold(key, value) || is_counted(key, value) => {}
                _ if key.starts_with(meta::JOB_PREFIX) => match (JobRow::id(key), JobRow::decode(value)) {
                    (Some(id), Some(row)) => jobs.push((id, row)),
                    _ => check.found(Code::ForeignEntry, Place::of(Family::Meta)),
                },
                meta::ERASED_FINAL if Final::decode(value).is_some_and(|ended| log.has(check.volume, ended.leaf)) => {}
                meta::KEYS_ENDED if ended_at(value).is_some_and(|at| log.has(check.volume, at)) => {}
                _ => match controller_of(key) {
                    Some(name) => check.number(log, name, numbers.remove(&name), value),
                    None => check.found(Code::ForeignEntry, Place::of(Family::Meta)),
                },
            }
            Ok(())
        })?;
        if self.is_damaged(Family::Meta) || self.is_damaged(Family::Leaves) {
            return Ok(());
        }
        for (controller, last) in numbers {
            self.number(log, controller, Some(last), &[]);
        }
        // Leaves that cannot be read may be activations: those have findings of their own.
        if log.unread == 0 {
            self.in_force(log, &in_force);
            self.jobs(log, &jobs);
        }
        Ok(())
    }

    /// Each job was opened by a leaf, and none has ended of which no leaf says so.
    fn jobs(&mut self, log: &Log, jobs: &[(u64, JobRow)]) {
        let mut opened = log.keys.jobs.clone();
        let mut ended: BTreeMap<(Name, Name), u64> = BTreeMap::new();
        for (id, row) in jobs {
            let line = (row.controller, row.category);
            let done = ended.entry(line).or_default();
            *done += u64::from(row.progress == Progress::Done);
            if !opened.remove(id) || *done > log.keys.emptied(line) {
                self.found(Code::JobUnlogged, Place::of(Family::Meta).entry("job").leaf(*id));
            }
        }
        // Of those that ended long ago no row is kept.
        let has_newer = |leaf: &u64| jobs.iter().filter(|(id, _)| id > leaf).count() >= JOBS_KEPT;
        for leaf in opened.into_iter().filter(|leaf| !has_newer(leaf)) {
            self.found(Code::JobMissing, Place::of(Family::Meta).entry("job").leaf(leaf));
        }
    }

    fn number(&mut self, log: &Log, controller: Name, last: Option<Last>, stored: &[u8]) {
        let (stored, last) = (Last::decode(stored).unwrap_or_default(), last.unwrap_or_default());
        if stored != last && log.unread == 0 && !self.is_damaged(Family::Leaves) {
            let place = Place::of(Family::Meta).controller(controller).entry("number");
            self.add(Finding::new(Code::NumberWrong, place).against(stored.number, last.number));
        }
    }

    fn in_force(&mut self, log: &Log, rows: &[(Vec<u8>, Vec<u8>)]) {
        let stored = |wanted: &[u8]| rows.iter().find(|(key, _)| key == wanted).map(|(_, value)| value);
        let hash = |wanted| stored(wanted).map(|value| Hash::sha256(value));
        let epoch = stored(meta::EPOCH).and_then(|value| value.as_slice().try_into().ok()).map(u32::from_be_bytes);
        let expected = (log.activations + 1).checked_sub(FIRST_ACTIVATIONS);
        let same = [
            ("access", hash(meta::ACCESS) == log.access),
            ("schema", hash(meta::SCHEMA) == log.schema),
            ("epoch", epoch.map(u64::from) == expected),
        ];
        for (entry, _) in same.into_iter().filter(|(_, same)| !same) {
            self.found(Code::PolicyAltered, Place::of(Family::Meta).entry(entry));
        }
    }
}

impl Check<'_> {
    /// That it was this vault that put policy and schema in force, which takes the seal; without it, that something says so.
    pub(super) fn vouched(&mut self, verifier: Option<&Verifier>) -> Result<(), CheckError> {
        let mut get = |key| self.get(Family::Meta, key);
        let (tag, epoch, access, schema) =
            (get(meta::IN_FORCE)?, get(meta::EPOCH)?, get(meta::ACCESS)?, get(meta::SCHEMA)?);
        if self.is_damaged(Family::Meta) {
            return Ok(());
        }
        let place = || Place::of(Family::Meta).entry("in-force");
        let Some(tag) = tag.filter(|tag| tag.len() == TAG_BYTES) else {
            self.found(Code::PolicyAltered, place());
            return Ok(());
        };
        let epoch = epoch.and_then(|epoch| epoch.try_into().ok()).map(u32::from_be_bytes);
        // What is missing of these has a finding of its own; so has a line that did not open.
        let (Some(epoch), Some(access), Some(schema)) = (epoch, access, schema) else { return Ok(()) };
        let line = verifier.and_then(|verifier| verifier.line(&VAULT, &audit_category()));
        let expected = line.map(|line| in_force_tag(line, epoch, &Hash::sha256(&access), &Hash::sha256(&schema)));
        if expected.is_some_and(|expected| !bool::from(expected.as_slice().ct_eq(&tag))) {
            self.found(Code::PolicyAltered, place());
        }
        Ok(())
    }
}

impl Check<'_> {
    /// That it was this vault that says when its newest drill was. There may be none.
    pub(super) fn drilled(&mut self, verifier: Option<&Verifier>) -> Result<(), CheckError> {
        let Some(row) = self.get(Family::Meta, meta::DRILL)? else { return Ok(()) };
        let said = row.split_first_chunk().filter(|(_, tag)| tag.len() == TAG_BYTES);
        let line = verifier.and_then(|verifier| verifier.line(&VAULT, &audit_category()));
        let is_right = said.is_some_and(|(at_ms, tag)| {
            line.is_none_or(|line| drill_tag(line, u64::from_be_bytes(*at_ms)).ct_eq(tag).into())
        });
        if !is_right {
            self.found(Code::DrillAltered, Place::of(Family::Meta).entry("drill"));
        }
        Ok(())
    }
}

/// What is remembered of a request with an idempotency key, and of each of its items. docs/FORMAT.md.
fn is_remembered(key: &[u8], value: &[u8]) -> bool {
    const REQUEST: (usize, usize) = (16, 24);
    const ITEM: (usize, usize) = (20, Remembered::BYTES);
    let sizes = key.strip_prefix(meta::IDEMPOTENCY_PREFIX).map(|name| (name.len(), value.len()));
    sizes.is_some_and(|sizes| sizes == REQUEST || sizes == ITEM)
}

/// A request for a second person. docs/FORMAT.md. Whether it is the vault's own takes the seal (`people.rs`).
fn is_asked(key: &[u8], value: &[u8]) -> bool {
    id_of(key).is_some() && Asked::period(value).is_some()
}

/// A legal hold. docs/FORMAT.md.
fn is_hold(key: &[u8], value: &[u8]) -> bool {
    HeldAt::of(key).is_some() && Held::period(value).is_some()
}

/// A count of erasures, or an allowance of more. docs/FORMAT.md.
fn is_counted(key: &[u8], value: &[u8]) -> bool {
    CountedRow::place(key).is_some() && CountedRow::period(value).is_some()
}

fn controller_of(key: &[u8]) -> Option<Name> {
    Name::new(std::str::from_utf8(key.strip_prefix(meta::NUMBER_PREFIX)?).ok()?).ok()
}
