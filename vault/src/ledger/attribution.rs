//! Under whose audit key the log speaks of somebody.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use coffer_keys::{Altered, AuditKey};
use coffer_wire::Name;

use super::About;
use crate::clock::Period;
use crate::keyring::{Audited, Line};
use crate::store::{Unread, View};

/// The unattributed keys of the half-year, one for each controller, the vault's own among them.
#[derive(Default)]
pub struct Unattributed {
    keys: RwLock<HashMap<Name, (Period, Arc<AuditKey>)>>,
}

impl Unattributed {
    /// The controller's key, if it is the half-year's.
    pub fn get(&self, controller: &Name, period: &Period) -> Option<Arc<AuditKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(controller).filter(|(of, _)| of == period).map(|(_, key)| Arc::clone(key))
    }

    /// Keeps the key of a half-year, which ends the one before.
    pub fn set(&self, controller: Name, period: Period, key: Arc<AuditKey>) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(controller, (period, key));
    }
}

/// Whom leaves about one item speak of.
pub enum Attribution {
    /// A person with an audit key.
    Person(AuditKey),
    /// Nobody who has one, or somebody who was not looked up.
    Unattributed {
        /// The controller's key of the half-year.
        key: Arc<AuditKey>,
        /// The id that was asked for, which then gives the alias.
        person: Option<String>,
    },
}

impl Attribution {
    /// The person's own audit key, or else the controller's unattributed one. `audit` is the
    /// controller's audit line.
    pub fn of_person(
        audit: &Line,
        view: &View<'_>,
        person: &str,
        unattributed: &Arc<AuditKey>,
    ) -> Result<Result<Attribution, Altered>, Unread> {
        Ok(audit.audit_key(view, Audited::Person(person))?.map(|key| match key {
            Some(key) => Attribution::Person(key),
            None => Attribution::asked(unattributed, Some(person)),
        }))
    }

    /// About an id that was asked for, whether or not anybody has it.
    pub fn asked(unattributed: &Arc<AuditKey>, person: Option<&str>) -> Attribution {
        Attribution::Unattributed { key: Arc::clone(unattributed), person: person.map(str::to_owned) }
    }

    /// About nobody.
    pub fn nobody(unattributed: &Arc<AuditKey>) -> Attribution {
        Attribution::asked(unattributed, None)
    }

    /// Whether the person has an audit key of their own.
    pub fn is_known(&self) -> bool {
        matches!(self, Attribution::Person(_))
    }

    /// For the making of a leaf.
    pub fn about(&self) -> About<'_> {
        match self {
            Attribution::Person(key) => About::Person(key),
            Attribution::Unattributed { key, person } => About::Unattributed { key, person: person.as_deref() },
        }
    }
}
