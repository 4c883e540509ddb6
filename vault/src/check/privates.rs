//! Private parts: there is one for each leaf; and with the seal, which audit key opens it.
//!
//! A leaf names people by alias alone. So the aliases of everybody who has an audit key at a
//! controller are made for each category and half-year that the log speaks of, when it first does.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use coffer_keys::{AuditKey, HALF_BYTES};
use coffer_wire::Name;
use coffer_wire::leaf::Leaf;
use coffer_wire::private::Private;

use super::keys::Wraps;
use super::log::Log;
use super::{Check, CheckError, Code, Place, index_of};
use crate::clock::Period;
use crate::keyring::record::AuditRow;
use crate::keyring::{Audited, Line, audit_category};
use crate::ledger::{StoredPrivate, Volume};
use crate::seal::verify::Verifier;
use crate::store::{Engine, Family};

/// Audit keys that are kept open. Those beyond are opened each time they are needed.
const OPEN_KEYS_MAX: usize = 65_536;

type Half = [u8; HALF_BYTES];

/// Opens private parts.
pub(super) struct Opener<'a> {
    engine: &'a dyn Engine,
    verifier: &'a Verifier,
    /// Where the audit keys of each controller lie.
    locators: HashMap<Name, Vec<Half>>,
    /// Alias -> place among the controller's locators; `None`: of no category.
    aliases: HashMap<(Name, Option<Name>, Period), HashMap<Half, u32>>,
    open: HashMap<(Name, Half), AuditKey>,
}

impl Check<'_> {
    /// That there is a private part for each leaf, and no other.
    pub(super) fn private_parts(&mut self, log: &Log) -> Result<(), CheckError> {
        log.volumes(self.volume).into_iter().try_for_each(|(volume, size)| self.privates_of(volume, size))
    }

    fn privates_of(&mut self, volume: Volume, size: u64) -> Result<(), CheckError> {
        self.progress.stage("private parts", Some(size));
        let (mut next, open) = (0, self.volume);
        let place = |index| Place::of(Family::Private).leaf(volume.position(index));
        self.each(Family::Private, &self.prefix(volume), |check, key, value| {
            let index = index_of(key).map(Volume::split).filter(|(of, index)| *of == volume && *index < size);
            let Some((_, index)) = index else {
                // What is left of a log that ended, behind what was kept of it, was given up.
                if volume == open {
                    check.found(Code::ForeignEntry, Place::of(Family::Private));
                }
                return Ok(());
            };
            (next..index).for_each(|index| check.found(Code::PrivateMissing, place(index)));
            if StoredPrivate::parse(value).is_none() {
                check.found(Code::PrivateMalformed, place(index));
            }
            check.report.looked.private_parts += 1;
            next = index + 1;
            Ok(())
        })?;
        if !self.is_damaged(Family::Private) {
            (next..size).for_each(|index| self.found(Code::PrivateMissing, place(index)));
        }
        Ok(())
    }

    /// Finds the audit keys of each controller.
    pub(super) fn opener<'v>(&mut self, verifier: &'v Verifier, wraps: &Wraps) -> Result<Opener<'v>, CheckError>
    where
        Self: 'v,
    {
        let mut locators: HashMap<Name, Vec<Half>> = HashMap::new();
        self.each(Family::Keys, AuditRow::PREFIX, |_, key, value| {
            let locator = key.strip_prefix(AuditRow::PREFIX).and_then(|key| Half::try_from(key).ok());
            let wrapped_by = AuditRow::decode(value).map(|row| row.wrapped_by);
            // What is wrong with the others is said when the keys are looked at.
            if let (Some(locator), Some((controller, _))) = (locator, wrapped_by.and_then(|id| wraps.category(&id))) {
                locators.entry(controller).or_default().push(locator);
            }
            Ok(())
        })?;
        let engine = self.home.engine;
        Ok(Opener { engine, verifier, locators, aliases: HashMap::new(), open: HashMap::new() })
    }
}

impl Opener<'_> {
    /// Opens the private part of a leaf, and holds what it says against the leaf.
    pub(super) fn open(&mut self, leaf: &Leaf, stored: &StoredPrivate<'_>) -> Result<Private, Code> {
        let (controller, period) = (leaf.controller, *stored.period());
        let line = self.line(&controller).ok_or(Code::PrivateUnattributed)?;
        if stored.is_unattributed() {
            let locator = line.audit_locator(Audited::Unattributed(period.as_str()));
            let private = self.open_under(leaf, stored, locator)?;
            return if self.is_of(leaf, &private, locator, period) {
                Ok(private)
            } else {
                Err(Code::PrivateIncomplete)
            };
        }
        let (category, alias) = match stored.is_of_a_person() {
            true => (leaf.category, leaf.subject),
            false => (None, leaf.actor),
        };
        let alias = alias.ok_or(Code::PrivateUnattributed)?;
        let locator = self.locate(controller, category, period, &alias.0).ok_or(Code::PrivateUnattributed)?;
        let private = self.open_under(leaf, stored, locator)?;
        let named = private.person.as_ref().map(|person| line.audit_locator(Audited::Person(person.as_str())));
        let same = !stored.is_of_a_person() || named == Some(locator);
        if same { Ok(private) } else { Err(Code::PrivateIncomplete) }
    }

    /// Whether the leaf's actor, if it has one, is somebody with an audit key.
    pub(super) fn knows_actor(&mut self, leaf: &Leaf, stored: &StoredPrivate<'_>) -> bool {
        leaf.actor.is_none_or(|actor| self.locate(leaf.controller, None, *stored.period(), &actor.0).is_some())
    }

    /// Whether the alias of somebody without an audit key is the one of the person named inside.
    fn is_of(&mut self, leaf: &Leaf, private: &Private, locator: Half, period: Period) -> bool {
        let Some(alias) = leaf.subject else { return true };
        let (Some(person), Some(line)) = (&private.person, self.line(&leaf.controller)) else { return false };
        let (controller, category) = (leaf.controller, leaf.category);
        let category = category.as_ref().map_or("", Name::as_str);
        let key = self.key(line, controller, locator);
        key.is_some_and(|key| key.alias_of(controller.as_str(), category, period.as_str(), person.as_str()) == alias.0)
    }

    fn open_under(&mut self, leaf: &Leaf, stored: &StoredPrivate<'_>, locator: Half) -> Result<Private, Code> {
        let line = self.line(&leaf.controller).ok_or(Code::PrivateUnattributed)?;
        let key = self.key(line, leaf.controller, locator).ok_or(Code::PrivateUnattributed)?;
        stored.open(key, &leaf.controller, &leaf.commit).ok_or(Code::PrivateAltered)
    }

    /// Where the key lies that gives this alias.
    fn locate(&mut self, controller: Name, category: Option<Name>, period: Period, alias: &Half) -> Option<Half> {
        let at = (controller, category, period);
        if !self.aliases.contains_key(&at) {
            let made = self.make_aliases(at);
            self.aliases.insert(at, made);
        }
        let place = *self.aliases.get(&at)?.get(alias)?;
        self.locators.get(&controller)?.get(place as usize).copied()
    }

    fn make_aliases(&mut self, (controller, category, period): (Name, Option<Name>, Period)) -> HashMap<Half, u32> {
        let (Some(line), Some(locators)) = (self.line(&controller), self.locators.get(&controller).cloned()) else {
            return HashMap::new();
        };
        let category = category.as_ref().map_or("", Name::as_str);
        let mut aliases = HashMap::with_capacity(locators.len());
        for (place, locator) in (0u32..).zip(locators) {
            if let Some(key) = self.key(line, controller, locator) {
                aliases.insert(key.alias(controller.as_str(), category, period.as_str()), place);
            }
        }
        aliases
    }
}

impl<'a> Opener<'a> {
    fn line(&self, controller: &Name) -> Option<&'a Line> {
        self.verifier.line(controller, &audit_category())
    }

    /// The audit key at a locator, if it is there and opens.
    fn key(&mut self, line: &Line, controller: Name, locator: Half) -> Option<&AuditKey> {
        if self.open.len() >= OPEN_KEYS_MAX && !self.open.contains_key(&(controller, locator)) {
            self.open.clear();
        }
        match self.open.entry((controller, locator)) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(vacant) => {
                let row = self.engine.get(Family::Keys, &AuditRow::key(&locator)).ok()??;
                Some(vacant.insert(line.open_audit(&locator, &row).ok()?))
            }
        }
    }
}
