//! Keys of persons that ended with the category key over them: their rows stay, and have no tombstone that could say since when.

use std::collections::HashSet;
use std::path::Path;

use coffer_keys::KeyId;
use coffer_wire::leaf::{Action, Decision, Leaf};

use super::erasures::{self, Erased, ErasuresError};
use super::history::leaf_key;
use crate::keyring::record::{FormerRow, RootRow, State, Use};
use crate::keyring::subjects_under;
use crate::store::{Engine, Family, Overlay, StoreError};

/// Leaves that are looked at at a time.
const PAGE_LEAVES: usize = 4_096;

/// The category keys that were destroyed, as the store says. Needs no key.
pub(super) fn ended(engine: &dyn Engine) -> Result<Vec<(KeyId, RootRow)>, StoreError> {
    let rows = Overlay::new(engine).under(Family::Keys, RootRow::PREFIX)?;
    let rows = rows.iter().filter_map(|(key, row)| Some((RootRow::id(key)?, RootRow::decode(row)?)));
    Ok(rows.filter(|(_, row)| row.usage == Use::Category && row.state == State::Destroyed).collect())
}

/// Those that the erasure ledger does not name, after a kill between the batch and the ledger. `seen`: up to which position it
/// is complete; the leaf that ended them stands there or behind.
pub(super) fn unnamed(path: &Path, engine: &dyn Engine, seen: u64, size: u64) -> Result<Vec<Erased>, ErasuresError> {
    let mut unnamed = Vec::new();
    for (id, row) in ended(engine)? {
        let mut under: HashSet<KeyId> = subjects_under(engine, &id)?.into_iter().collect();
        if under.is_empty() {
            continue;
        }
        // Who vouches for what these rows say is not there yet; a check looks at them.
        let former =
            under.iter().map(|id| engine.get(Family::Keys, &FormerRow::key(id))).collect::<Result<Vec<_>, _>>()?;
        under.extend(former.iter().flatten().filter_map(|row| FormerRow::decode(row)).flat_map(|row| row.ids));
        erasures::read(path, None, &mut |erased| {
            under.remove(&erased.id);
            Ok(())
        })?;
        if !under.is_empty() {
            // Where the leaf was lost with a log that ended, what is destroyed is said to be so from here on.
            let at = shredded_at(engine, &row, seen)?.unwrap_or(size.saturating_sub(1));
            unnamed.extend(under.into_iter().map(|id| Erased { id, at }));
        }
    }
    Ok(unnamed)
}

/// The position of the leaf by which a version was shredded, from one on.
fn shredded_at(engine: &dyn Engine, row: &RootRow, from: u64) -> Result<Option<u64>, StoreError> {
    let of_it = |leaf: &Leaf| {
        leaf.action == Action::KeysShred
            && leaf.controller == row.controller
            && (leaf.category, leaf.version) == (Some(row.category), Some(row.version))
            && matches!(leaf.decision(), Ok(Decision::Granted(_)))
    };
    let mut after = from.checked_sub(1).map(|before| leaf_key(before).to_vec());
    loop {
        let page = engine.scan(Family::Leaves, b"", after.as_deref(), PAGE_LEAVES)?;
        let found = page.iter().find(|(_, bytes)| Leaf::parse(bytes).is_ok_and(|leaf| of_it(&leaf)));
        if let Some((key, _)) = found {
            return Ok(key.as_slice().try_into().ok().map(u64::from_be_bytes));
        }
        let Some((last, _)) = page.last() else { return Ok(None) };
        after = Some(last.clone());
    }
}
