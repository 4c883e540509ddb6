//! Keys that the erasure ledger says are destroyed, and that live in the store: an older copy of them was put back.

use std::collections::HashSet;
use std::path::Path;

use coffer_keys::KeyId;

use super::erasures::{self, ErasuresError};
use super::shredded;
use crate::keyring::Voucher;
use crate::keyring::record::{IndexRow, SubjectRow};
use crate::store::{Batch, Engine, Family};

/// Such a key.
pub struct Revived {
    /// Its id.
    pub id: KeyId,
    index: [u8; 32],
}

/// All of them, in the order of the ledger. None where there is no ledger. Nothing is changed: whoever submits the end of
/// these keys calls [`Revived::unlisted`] for each of them.
pub fn revived(path: &Path, voucher: &Voucher, engine: &dyn Engine) -> Result<Vec<Revived>, ErasuresError> {
    let mut revived = Vec::new();
    if !path.exists() {
        return Ok(revived);
    }
    // What ended with a category key has no tombstone, and is no less at its end for it.
    let ended: HashSet<KeyId> = shredded::ended(engine)?.into_iter().map(|(id, _)| id).collect();
    erasures::read(path, Some(voucher), &mut |erased| {
        let row = engine.get(Family::Keys, &SubjectRow::key(&erased.id))?;
        if let Some(SubjectRow::Living { wrapped_by, index, .. }) = row.as_deref().and_then(SubjectRow::decode)
            && !ended.contains(&wrapped_by)
        {
            revived.push(Revived { id: erased.id, index });
        }
        Ok(())
    })?;
    revived.sort_by_key(|one| one.id);
    revived.dedup_by_key(|one| one.id);
    Ok(revived)
}

impl Revived {
    /// Takes away the row that leads to the key, where it is this key's.
    pub fn unlisted(&self, engine: &dyn Engine, batch: &mut Batch) -> Result<(), ErasuresError> {
        let at = IndexRow::key(&self.index);
        let row = engine.get(Family::Keys, &at)?;
        if row.as_deref().and_then(IndexRow::decode).is_some_and(|row| row.id == self.id) {
            batch.delete(Family::Keys, at);
        }
        Ok(())
    }
}
