//! The records of one person in one category. Which records there are is personal data too, so a
//! list needs the same evidence as a read.

use coffer_keys::Altered;
use coffer_wire::{Day, Hash, Name};

use super::stamp::Stamps;
use super::stored::{Found, OpenKeys, Stored};
use crate::admit::{List, Permit};
use crate::keyring::Keyring;
use crate::ledger::{Recorded, Spent};
use crate::schema::Category;

/// What was listed.
pub struct OpenedList {
    /// In the order of the records' ids.
    pub records: Vec<ListedRow>,
}

/// One record.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedRow {
    /// Its id.
    pub record: String,
    /// Its version.
    pub version: u32,
    /// Its fields of which nobody has made sure since the day that was asked for.
    pub stale: Vec<Name>,
}

/// Opens the identities of the rows that a scan found under a person. `listed` is the digest of all
/// rows there, which the record of this access must name. `stale`: the category and the day since which somebody should have
/// made sure of each value; of the values themselves none is opened.
pub fn open_list(
    found: Vec<Found>,
    listed: &Hash,
    permit: Permit<List>,
    recorded: Recorded,
    keyring: &Keyring,
    stale: Option<(&Category, &Day)>,
) -> Result<(OpenedList, Spent), Altered> {
    let agree = permit.digest() == recorded.asked() && recorded.row() == Some(listed);
    let same = |found: &Found| {
        let target = &found.stored.target;
        target.person == permit.person()
            && target.controller == permit.controller()
            && Some(target.category) == permit.category()
    };
    if !agree || !found.iter().all(same) {
        return Err(Altered);
    }
    let named = found.into_iter().map(|found| {
        let stored = found.named(keyring)?;
        let stale = stale.map(|(category, since)| not_verified(&stored, keyring, category, since)).transpose()?;
        let (record, version) = (stored.target.record.clone(), stored.version());
        Ok(ListedRow { record, version, stale: stale.unwrap_or_default() })
    });
    let mut records = named.collect::<Result<Vec<_>, _>>()?;
    records.sort();
    Ok((OpenedList { records }, recorded.spend()))
}

/// The fields that a record holds and of which nobody has made sure since a day.
fn not_verified(stored: &Stored, keyring: &Keyring, category: &Category, since: &Day) -> Result<Vec<Name>, Altered> {
    let keys = OpenKeys::of(stored.line(keyring)?, stored)?;
    let stamps = Stamps::open(stored, &keys)?;
    let mut stale = Vec::new();
    for head in &stored.row.head.fields {
        let Some(field) = category.field_number(head.number) else { continue };
        let verified_at = stamps.of(head.number, head.version).and_then(|stamp| stamp.verified_at);
        let is_there = keys.by_number(head.key).is_some();
        if is_there && verified_at.is_none_or(|on| on < *since) {
            stale.push(field.name);
        }
    }
    Ok(stale)
}
