//! One root key is followed by another: everything that lies under the first is put under the second.

use coffer_keys::{KeyId, NotRewrapped, RootKey};

use super::record::{RootRow, State, Use};
use super::{KeyringError, root_rows};
use crate::store::{Batch, Engine, Family, Overlay, Precondition, prefix_digest};

/// Wraps every key under `old` again under `new`: rows for one batch, and that none came or went meanwhile. Tells how many.
///
/// What is wrapped is opened once more before it is handed over. A key that did not open would be lost with the batch.
pub fn reroot(
    engine: &dyn Engine,
    (old, new): (&RootKey, &RootKey),
    batch: &mut Batch,
    needs: &mut Vec<Precondition>,
) -> Result<u64, KeyringError> {
    let rows = Overlay::new(engine).under(Family::Keys, RootRow::PREFIX)?;
    let mut keys = 0;
    for (key, value) in &rows {
        let id = RootRow::id(key).ok_or(KeyringError::Damaged)?;
        let row = RootRow::decode(value).ok_or(KeyringError::Damaged)?;
        // Of a destroyed key there is nothing to wrap.
        if row.state != State::Destroyed {
            batch.put(Family::Keys, key.clone(), moved(&id, row, old, new)?.encode());
            keys += 1;
        }
    }
    needs.push(Precondition::Prefix {
        family: Family::Keys,
        prefix: RootRow::PREFIX.to_vec(),
        digest: prefix_digest(&rows),
    });
    Ok(keys)
}

fn moved(id: &KeyId, row: RootRow, old: &RootKey, new: &RootKey) -> Result<RootRow, KeyringError> {
    let unopened = |_| KeyringError::Unopened(id.to_string());
    let wrapped = old.rewrap(&row.place(id), &row.wrapped, new).map_err(|error| match error {
        NotRewrapped::Altered(altered) => unopened(altered),
        NotRewrapped::NoRandomness(error) => error.into(),
    })?;
    let row = RootRow { wrapped_by: new.id(), wrapped, ..row };
    let place = row.place(id);
    match row.usage {
        Use::Category => new.open_category(&place, &row.wrapped).map(drop),
        Use::Locator => new.open_locator(&place, &row.wrapped).map(drop),
        Use::Log => new.open_log(&place, &row.wrapped).map(drop),
    }
    .map_err(unopened)?;
    Ok(row)
}

/// Under which root key a store lies. Needs no key.
pub fn root_in_force(engine: &dyn Engine) -> Result<KeyId, KeyringError> {
    let rows = root_rows(engine)?;
    let mut living = rows.iter().filter(|(_, row)| row.state != State::Destroyed).map(|(_, row)| row.wrapped_by);
    let first = living.next().ok_or(KeyringError::Missing("log signing"))?;
    // They change in one batch: under two root keys they can only have come by somebody's hand.
    if living.all(|other| other == first) { Ok(first) } else { Err(KeyringError::Damaged) }
}
