//! The versions of a line's category key: which of them wraps what is new, and which opens what is old.
//!
//! They are looked at live. Who took up the keyring before a rotation finds the new version all the same, since what lies
//! under the old one moves there as soon as the rotation stands.

use std::sync::{Arc, PoisonError};

use coffer_keys::{CategoryKey, KeyId};

use super::record::{RootRow, State};
use super::{KeyringError, Line, audit_category};
use crate::store::{Family, Precondition};

/// One version of a category key.
pub struct Version {
    /// The key's id.
    pub id: KeyId,
    /// From 1.
    pub version: u32,
    /// What it may be used for.
    pub state: State,
    pub(super) key: Arc<CategoryKey>,
}

/// All of a line's, in ascending order.
#[derive(Clone)]
pub struct Versions {
    /// Below this one nothing opens, whatever its state: nothing was left there when it was set.
    pub floor: u32,
    /// The id of the line's locator key, whose row says the floor.
    pub locator: KeyId,
    /// Those that are not destroyed.
    pub list: Vec<Arc<Version>>,
    /// The ids of those that are.
    pub destroyed: Vec<KeyId>,
}

impl Default for Versions {
    fn default() -> Self {
        Versions { floor: 0, locator: KeyId::from_bytes([0; 16]), list: Vec::new(), destroyed: Vec::new() }
    }
}

impl Version {
    /// That this version still wraps what is new when a key that was put under it is numbered. So no key comes to lie under a
    /// version once its rotation stands in the log.
    pub fn wraps(&self) -> Precondition {
        self.is_still(State::Active)
    }

    /// That this version still is what it was when a key was taken from under it: what ended with it must not come back.
    pub(super) fn opens(&self) -> Precondition {
        self.is_still(self.state)
    }

    fn is_still(&self, state: State) -> Precondition {
        Precondition::Begins { family: Family::Keys, key: RootRow::key(&self.id), bytes: RootRow::category_in(state) }
    }
}

impl Versions {
    /// Puts them in order. Exactly one of them wraps what is new: of two, one was put back by somebody else.
    pub(super) fn checked(mut self) -> Result<Versions, KeyringError> {
        self.list.sort_by_key(|version| version.version);
        match self.list.iter().filter(|version| version.state == State::Active).count() {
            1 => Ok(self),
            0 => Err(KeyringError::Missing("active category")),
            _ => Err(KeyringError::TwoActive),
        }
    }

    /// The one that wraps what is new.
    pub fn active(&self) -> &Arc<Version> {
        let newest = self.list.iter().rev().find(|version| version.state == State::Active);
        newest.unwrap_or(&self.list[self.list.len() - 1])
    }

    /// The version of this id, if it is neither destroyed nor below the floor.
    fn opening(&self, id: &KeyId) -> Option<&Arc<Version>> {
        self.list.iter().find(|version| version.id == *id && version.version >= self.floor)
    }

    /// After a rotation: the active version only opens, and this one wraps.
    #[must_use]
    pub fn rotated(mut self, next: Version) -> Versions {
        let active = self.active().id;
        self = self.stepped(&active, State::DecryptOnly);
        self.list.push(Arc::new(next));
        self
    }

    /// One of them in another state.
    #[must_use]
    pub fn stepped(mut self, id: &KeyId, state: State) -> Versions {
        if state == State::Destroyed {
            self.list.retain(|version| version.id != *id);
            self.destroyed.push(*id);
            return self;
        }
        for version in self.list.iter_mut().filter(|version| version.id == *id) {
            let Version { id, version: number, key, .. } = &**version;
            *version = Arc::new(Version { id: *id, version: *number, state, key: Arc::clone(key) });
        }
        self
    }
}

impl Line {
    /// The versions as they are at this moment.
    pub fn versions(&self) -> Arc<Versions> {
        Arc::clone(&self.versions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The version that wraps what is new.
    pub fn active(&self) -> Arc<Version> {
        Arc::clone(self.versions().active())
    }

    /// Says what the log has come to. Called once the batch stands.
    pub fn change(&self, change: impl FnOnce(Versions) -> Versions) {
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        *versions = Arc::new(change((**versions).clone()));
    }

    /// The version of this id, if it opens for whoever asks: not below the floor, not destroyed.
    pub(super) fn version(&self, id: &KeyId) -> Option<Arc<Version>> {
        self.versions().opening(id).cloned()
    }

    /// What a wrapping key is to whoever finds something under it.
    pub(super) fn standing(&self, id: &KeyId) -> Standing {
        let versions = self.versions();
        if versions.destroyed.contains(id) {
            return Standing::Destroyed;
        }
        match versions.opening(id) {
            None => Standing::Unknown,
            // What the log itself needs is not withheld.
            Some(version) if version.state == State::Compromised && self.category != audit_category() => {
                Standing::Withheld
            }
            Some(version) => Standing::Opens(Arc::clone(version)),
        }
    }
}

/// What a wrapping key is to whoever finds something under it.
pub(super) enum Standing {
    /// It opens.
    Opens(Arc<Version>),
    /// It opens for the job alone that moves what lies under it.
    Withheld,
    /// What lies under it is as good as erased.
    Destroyed,
    /// It is none of this line, or below its floor.
    Unknown,
}
