//! Wrapped keys and their states over the store; what is open while the vault is open.
//!
//! Callers name keys by id or by place; key material stays in `coffer-keys`.

mod audit;
mod create;
mod in_force;
mod log;
pub mod record;
mod reroot;
mod rewrap;
mod state;
mod subject;
mod survey;
mod versions;
mod voucher;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use coffer_keys::{KeyId, KeyKind, LocatorKey, Place, RootKey};
use coffer_wire::Name;
use coffer_wire::name::VAULT;

use crate::store::{Engine, Family, StoreError};
use record::{RootRow, State, Use};

pub use audit::{Audited, audit_row_key};
pub use create::{Created, create_line, create_log_key, create_version};
pub use in_force::{drill_tag, in_force_tag};
pub use log::{LogKeys, OwnLogKey};
pub use reroot::{reroot, root_in_force};
pub use rewrap::{Moved, Under, subjects_under};
pub use state::{Active, AnyHeld, Compromised, DecryptOnly, Destroyed, Held};
pub use subject::{NotRenewed, OwnKey, SubjectIndex};
pub use survey::Survey;
pub use versions::{Version, Versions};
pub use voucher::Voucher;

/// The reserved category whose keys wrap and place audit keys.
pub const AUDIT: &str = "audit";

/// The reserved category as a name.
pub fn audit_category() -> Name {
    Name::new(AUDIT).unwrap_or(VAULT)
}

/// Why the keyring cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A wrapped key does not open: another root key, or altered bytes.
    #[error("key {0} does not open under this root key: the key file belongs to another vault, or the row was altered")]
    Unopened(String),
    /// A row of the key family is no row.
    #[error("a row of the key family is damaged: run `coffer-vault check`")]
    Damaged,
    /// What a row says of a key's state is not what this vault wrote.
    #[error("the state, version or date of key {0} was changed by somebody else: run `coffer-vault check`")]
    Unvouched(String),
    /// Two versions of a category key seem to wrap what is new.
    #[error("two versions of one key are active, so that one was put back by somebody else: run `coffer-vault check`")]
    TwoActive,
    /// A key that must be there is not.
    #[error("the {0} key is missing: run `coffer-vault check`")]
    Missing(&'static str),
    /// Keys of a controller that had some are gone.
    #[error("the keys of {category} of {controller} are missing: run `coffer-vault check`")]
    LineMissing {
        /// The controller.
        controller: Name,
        /// The category.
        category: Name,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
}

impl From<coffer_keys::NoRandomness> for KeyringError {
    fn from(_: coffer_keys::NoRandomness) -> Self {
        KeyringError::NoRandomness
    }
}

/// Every key that is no person's own, open. Dropping it wipes them.
pub struct Keyring {
    lines: BTreeMap<(Name, Name), Arc<Line>>,
}

/// The keys of one category of one controller: its locator key, and its category key in versions.
pub struct Line {
    controller: Name,
    category: Name,
    locator: LocatorKey,
    versions: RwLock<Arc<Versions>>,
}

impl Keyring {
    /// Opens every key under the root key. The log's keys come apart, for the sequencer alone.
    pub fn open(engine: &dyn Engine, root: &RootKey) -> Result<(Keyring, LogKeys), KeyringError> {
        let mut keyring = Keyring { lines: BTreeMap::new() };
        let rows = root_rows(engine)?;
        let mut log = Vec::new();
        let mut locators = BTreeMap::new();
        let mut versions: BTreeMap<_, Versions> = BTreeMap::new();
        for (id, row) in &rows {
            let place = row.place(id);
            let unopened = |_| KeyringError::Unopened(id.to_string());
            let at = (row.controller, row.category);
            match row.usage {
                Use::Log if row.state == State::Destroyed => {}
                Use::Log => {
                    let key = root.open_log(&place, &row.wrapped).map_err(unopened)?;
                    log.push(OwnLogKey { id: *id, version: row.version, state: row.state, key });
                }
                Use::Locator => {
                    let locator = root.open_locator(&place, &row.wrapped).map_err(unopened)?;
                    locators.insert(at, (*id, row.floor, locator));
                }
                Use::Category => {
                    let versions = versions.entry(at).or_default();
                    if row.state == State::Destroyed {
                        versions.destroyed.push(*id);
                        continue;
                    }
                    let key = Arc::new(root.open_category(&place, &row.wrapped).map_err(unopened)?);
                    let version = Version { id: *id, version: row.version, state: row.state, key };
                    versions.list.push(Arc::new(version));
                }
            }
        }
        for (at, (id, floor, locator)) in locators {
            let versions = Versions { floor, locator: id, ..versions.remove(&at).unwrap_or_default() };
            keyring.insert(Line::new(at.0, at.1, locator, versions)?);
        }
        // A category whose rows nobody can find would pass for one in which there is nobody.
        if !versions.is_empty() {
            return Err(KeyringError::Missing("locator"));
        }
        match rows.iter().find(|(id, row)| !keyring.vouches(id, row)) {
            Some((id, _)) => Err(KeyringError::Unvouched(id.to_string())),
            None => Ok((keyring, LogKeys::of(log)?)),
        }
    }

    /// Whether what a row says of a key under the root key is what this vault wrote.
    fn vouches(&self, id: &KeyId, row: &RootRow) -> bool {
        let line = self.line(&row.controller, &row.category);
        line.is_some_and(|line| row.is_vouched(id, line.locator()))
    }

    /// Every line.
    pub fn lines(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.lines.values()
    }

    /// A line that others may keep.
    pub fn kept_line(&self, controller: &Name, category: &Name) -> Option<Arc<Line>> {
        self.lines.get(&(*controller, *category)).cloned()
    }

    /// The keys of a category of a controller.
    pub fn line(&self, controller: &Name, category: &Name) -> Option<&Line> {
        self.lines.get(&(*controller, *category)).map(Arc::as_ref)
    }

    /// The keys of a controller's audit category.
    pub fn audit(&self, controller: &Name) -> Option<&Line> {
        self.line(controller, &audit_category())
    }

    /// The controllers that have keys, the vault's own among them.
    pub fn controllers(&self) -> impl Iterator<Item = Name> + '_ {
        let audit = audit_category();
        self.lines.keys().filter(move |(_, category)| *category == audit).map(|(controller, _)| *controller)
    }

    /// The same keys and those of lines that were just created.
    pub fn with(&self, lines: Vec<Line>) -> Keyring {
        let mut all = Keyring { lines: self.lines.clone() };
        lines.into_iter().for_each(|line| all.insert(line));
        all
    }

    fn insert(&mut self, line: Line) {
        self.lines.insert((line.controller, line.category), Arc::new(line));
    }
}

impl Line {
    fn new(controller: Name, category: Name, locator: LocatorKey, versions: Versions) -> Result<Line, KeyringError> {
        let versions = RwLock::new(Arc::new(versions.checked()?));
        Ok(Line { controller, category, locator, versions })
    }

    /// The controller.
    pub fn controller(&self) -> &Name {
        &self.controller
    }

    /// The category.
    pub fn category(&self) -> &Name {
        &self.category
    }

    /// What makes row keys.
    pub fn locator(&self) -> &LocatorKey {
        &self.locator
    }

    fn place<'a>(&'a self, kind: KeyKind, id: KeyId, version: &Version) -> Place<'a> {
        Place {
            kind,
            controller: self.controller.as_str(),
            category: self.category.as_str(),
            version: version.version,
            id,
            wrapped_by: version.id,
        }
    }
}

impl RootRow {
    fn place(&self, id: &KeyId) -> Place<'_> {
        let kind = match self.usage {
            Use::Category => KeyKind::Category,
            Use::Locator => KeyKind::Locator,
            Use::Log => KeyKind::Log,
        };
        Place {
            kind,
            controller: self.controller.as_str(),
            category: self.category.as_str(),
            version: self.version,
            id: *id,
            wrapped_by: self.wrapped_by,
        }
    }
}

/// Every key under the root key, as it lies in the store. Needs no key.
pub fn root_rows(engine: &dyn Engine) -> Result<Vec<(KeyId, RootRow)>, KeyringError> {
    let rows = crate::store::Overlay::new(engine).under(Family::Keys, RootRow::PREFIX)?;
    let rows = rows.iter().map(|(key, value)| Some((RootRow::id(key)?, RootRow::decode(value)?)));
    rows.collect::<Option<Vec<_>>>().ok_or(KeyringError::Damaged)
}

/// Whether a root key is the one of this store: it opens the log's key, which is dropped.
pub fn opens(engine: &dyn Engine, root: &RootKey) -> Result<(), KeyringError> {
    let rows = root_rows(engine)?;
    let (id, row) = rows
        .iter()
        .find(|(_, row)| row.usage == Use::Log && row.state != State::Destroyed)
        .ok_or(KeyringError::Missing("log signing"))?;
    root.open_log(&row.place(id), &row.wrapped).map(drop).map_err(|_| KeyringError::Unopened(id.to_string()))
}

/// The keys that sign the log, or did, as they lie in the store.
pub fn log_rows(engine: &dyn Engine) -> Result<Vec<(KeyId, RootRow)>, KeyringError> {
    Ok(root_rows(engine)?.into_iter().filter(|(_, row)| row.usage == Use::Log).collect())
}

/// A key under the root key, as it lies in the store.
pub fn root_row(engine: &dyn Engine, id: &KeyId) -> Result<RootRow, KeyringError> {
    let row = engine.get(Family::Keys, &RootRow::key(id))?;
    row.as_deref().and_then(RootRow::decode).ok_or(KeyringError::Damaged)
}
