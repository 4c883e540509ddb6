//! The keyring as far as it opens, for a check of a stopped vault that has to go on past damage.

use std::collections::BTreeMap;

use coffer_keys::{KeyId, RootKey};

use super::record::{RootRow, State, Use};
use super::{Keyring, Line, Version};

/// What did not open, and whose key signs the log.
#[derive(Default)]
pub struct Survey {
    /// Keys under the root key that do not open.
    pub unopened: Vec<KeyId>,
    /// The public half of the key that counts for the log, where it opens.
    pub log: Option<[u8; 32]>,
}

impl Keyring {
    /// Opens what opens of the keys under the root key. A line without a locator key, or without
    /// any version of its category key, is left out.
    pub(crate) fn survey(rows: &[(KeyId, RootRow)], root: &RootKey) -> (Keyring, Survey) {
        let mut survey = Survey::default();
        let mut locators = BTreeMap::new();
        let mut versions: BTreeMap<_, Vec<Version>> = BTreeMap::new();
        for (id, row) in rows.iter().filter(|(_, row)| row.state != State::Destroyed) {
            let (place, at) = (row.place(id), (row.controller, row.category));
            let opened = match row.usage {
                Use::Log => root.open_log(&place, &row.wrapped).map(|key| {
                    if row.state == State::Active {
                        survey.log = Some(key.public());
                    }
                }),
                Use::Locator => root.open_locator(&place, &row.wrapped).map(|key| {
                    locators.insert(at, key);
                }),
                Use::Category => root.open_category(&place, &row.wrapped).map(|key| {
                    let version = Version { id: *id, version: row.version, state: row.state, key };
                    versions.entry(at).or_default().push(version);
                }),
            };
            if opened.is_err() {
                survey.unopened.push(*id);
            }
        }
        let mut keyring = Keyring { lines: BTreeMap::new() };
        for ((controller, category), locator) in locators {
            if let Some(versions) = versions.remove(&(controller, category)) {
                keyring.insert(Line { controller, category, locator, versions });
            }
        }
        (keyring, survey)
    }
}
