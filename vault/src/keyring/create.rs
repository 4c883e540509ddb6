//! New keys under the root key: rows for a batch, and the open key for use once the batch stands.

use std::sync::Arc;

use coffer_keys::{KeyId, KeyKind, LocatorKey, LogKey, Place, RootKey};
use coffer_wire::Name;
use coffer_wire::name::VAULT;

use super::record::{RootRow, State, TAG_BYTES, Use};
use super::versions::{Version, Versions};
use super::{KeyringError, Line};
use crate::store::{Batch, Family};

/// What was created: its id, for the leaf, and what it is for.
pub struct Created {
    /// The key's id.
    pub id: KeyId,
    /// Whose data it is for.
    pub controller: Name,
    /// In which category.
    pub category: Name,
    /// What it is for.
    pub usage: Use,
    /// Its version.
    pub version: u32,
}

/// Makes the locator key and the first category key of a category of a controller.
pub fn create_line(
    root: &RootKey,
    controller: Name,
    category: Name,
    now_ms: u64,
    batch: &mut Batch,
) -> Result<(Line, Vec<Created>), KeyringError> {
    let make = Maker { root, controller, category, version: FIRST, now_ms };
    let locator_id = KeyId::random()?;
    let (locator, wrapped) = root.make_locator(&make.place(KeyKind::Locator, locator_id))?;
    let locator_made = make.put(batch, &locator, Use::Locator, locator_id, wrapped);
    let (version, key_made) = make.category(&locator, batch)?;
    let versions = Versions { floor: FIRST, locator: locator_id, list: vec![Arc::new(version)], destroyed: Vec::new() };
    Ok((Line::new(controller, category, locator, versions)?, vec![locator_made, key_made]))
}

/// Makes the next version of a line's category key. It is pre-active until the batch stands.
pub fn create_version(
    root: &RootKey,
    line: &Line,
    number: u32,
    now_ms: u64,
    batch: &mut Batch,
) -> Result<(Version, Created), KeyringError> {
    let make = Maker { root, controller: *line.controller(), category: *line.category(), version: number, now_ms };
    make.category(line.locator(), batch)
}

/// Makes a key that signs the log, of this version. `vault`: the vault's own audit line, under which it stands.
pub fn create_log_key(
    root: &RootKey,
    vault: &Line,
    version: u32,
    now_ms: u64,
    batch: &mut Batch,
) -> Result<(LogKey, Created), KeyringError> {
    let make = Maker { root, controller: VAULT, category: super::audit_category(), version, now_ms };
    let id = KeyId::random()?;
    let (key, wrapped) = root.make_log(&make.place(KeyKind::Log, id))?;
    let made = make.put(batch, vault.locator(), Use::Log, id, wrapped);
    Ok((key, made))
}

/// The first version of every key.
const FIRST: u32 = 1;

struct Maker<'a> {
    root: &'a RootKey,
    controller: Name,
    category: Name,
    version: u32,
    now_ms: u64,
}

impl Maker<'_> {
    fn category(&self, locator: &LocatorKey, batch: &mut Batch) -> Result<(Version, Created), KeyringError> {
        let id = KeyId::random()?;
        let (key, wrapped) = self.root.make_category(&self.place(KeyKind::Category, id))?;
        let made = self.put(batch, locator, Use::Category, id, wrapped);
        Ok((Version { id, version: self.version, state: State::Active, key: Arc::new(key) }, made))
    }

    fn place(&self, kind: KeyKind, id: KeyId) -> Place<'_> {
        Place {
            kind,
            controller: self.controller.as_str(),
            category: self.category.as_str(),
            version: self.version,
            id,
            wrapped_by: self.root.id(),
        }
    }

    fn put(
        &self,
        batch: &mut Batch,
        locator: &LocatorKey,
        usage: Use,
        id: KeyId,
        wrapped: coffer_keys::Wrapped,
    ) -> Created {
        let mut row = RootRow {
            usage,
            state: State::Active,
            version: self.version,
            floor: if usage == Use::Locator { FIRST } else { 0 },
            created_ms: self.now_ms,
            controller: self.controller,
            category: self.category,
            wrapped_by: self.root.id(),
            wrapped,
            tag: [0; TAG_BYTES],
        };
        row.vouch(&id, locator);
        batch.put(Family::Keys, RootRow::key(&id), row.encode());
        Created { id, controller: self.controller, category: self.category, usage, version: self.version }
    }
}
