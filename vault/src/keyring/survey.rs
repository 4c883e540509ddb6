//! The keyring as far as it opens, for a check of a stopped vault that has to go on past damage.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use coffer_keys::{KeyId, RootKey};

use super::record::{RootRow, State, Use};
use super::{Keyring, Line, Version, Versions};

/// What did not open, and whose key signs the log.
#[derive(Default)]
pub struct Survey {
    /// Keys under the root key that do not open.
    pub unopened: Vec<KeyId>,
    /// Keys under the root key of which a row says what this vault did not write, as far as that can be told.
    pub unvouched: Vec<KeyId>,
    /// The public half of the key that counts for the log, where it opens.
    pub log: Option<[u8; 32]>,
}

impl Keyring {
    /// Opens what opens of the keys under the root key, whatever its state: a check looks at what stands under keys that
    /// open for nobody else. A line without a locator key, or without any version of its category key, is left out.
    pub(crate) fn survey(rows: &[(KeyId, RootRow)], root: &RootKey) -> (Keyring, Survey) {
        let mut survey = Survey::default();
        let mut locators = BTreeMap::new();
        let mut versions: BTreeMap<_, Versions> = BTreeMap::new();
        for (id, row) in rows {
            let (place, at) = (row.place(id), (row.controller, row.category));
            if row.state == State::Destroyed {
                if row.usage == Use::Category {
                    versions.entry(at).or_default().destroyed.push(*id);
                }
                continue;
            }
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
                    let state = if row.state == State::Compromised { State::DecryptOnly } else { row.state };
                    let version = Version { id: *id, version: row.version, state, key: Arc::new(key) };
                    versions.entry(at).or_default().list.push(Arc::new(version));
                }),
            };
            if opened.is_err() {
                survey.unopened.push(*id);
            }
        }
        let mut keyring = Keyring { lines: BTreeMap::new() };
        for ((controller, category), locator) in locators {
            if let Some(versions) = versions.remove(&(controller, category)).filter(|all| !all.list.is_empty()) {
                let versions = RwLock::new(Arc::new(versions));
                keyring.insert(Line { controller, category, locator, versions });
            }
        }
        let of_line = rows.iter().filter(|(_, row)| keyring.line(&row.controller, &row.category).is_some());
        let unvouched = of_line.filter(|(id, row)| !keyring.vouches(id, row)).map(|(id, _)| *id);
        survey.unvouched = unvouched.collect();
        (keyring, survey)
    }
}
