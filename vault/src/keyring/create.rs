//! New keys under the root key: rows for a batch, and the open key for use once the batch stands.

use coffer_keys::{KeyId, KeyKind, LogKey, Place, RootKey};
use coffer_wire::Name;
use coffer_wire::name::VAULT;

use super::record::{RootRow, State, Use};
use super::{KeyringError, Line, Version};
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
    let make = Maker { root, controller, category, version: 1, now_ms };
    let locator_id = KeyId::random()?;
    let (locator, wrapped) = root.make_locator(&make.place(KeyKind::Locator, locator_id))?;
    let locator_made = make.put(batch, Use::Locator, locator_id, wrapped);
    let id = KeyId::random()?;
    let (key, wrapped) = root.make_category(&make.place(KeyKind::Category, id))?;
    let key_made = make.put(batch, Use::Category, id, wrapped);
    let version = Version { id, version: 1, state: State::Active, key };
    let line = Line::new(controller, category, locator, vec![version])?;
    Ok((line, vec![locator_made, key_made]))
}

/// Makes a key that signs the log, of this version.
pub fn create_log_key(
    root: &RootKey,
    version: u32,
    now_ms: u64,
    batch: &mut Batch,
) -> Result<(LogKey, Created), KeyringError> {
    let make = Maker { root, controller: VAULT, category: super::audit_category(), version, now_ms };
    let id = KeyId::random()?;
    let (key, wrapped) = root.make_log(&make.place(KeyKind::Log, id))?;
    let made = make.put(batch, Use::Log, id, wrapped);
    Ok((key, made))
}

struct Maker<'a> {
    root: &'a RootKey,
    controller: Name,
    category: Name,
    version: u32,
    now_ms: u64,
}

impl Maker<'_> {
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

    fn put(&self, batch: &mut Batch, usage: Use, id: KeyId, wrapped: coffer_keys::Wrapped) -> Created {
        let row = RootRow {
            usage,
            state: State::Active,
            version: self.version,
            created_ms: self.now_ms,
            controller: self.controller,
            category: self.category,
            wrapped_by: self.root.id(),
            wrapped,
        };
        batch.put(Family::Keys, RootRow::key(&id), row.encode());
        Created { id, controller: self.controller, category: self.category, usage, version: self.version }
    }
}
