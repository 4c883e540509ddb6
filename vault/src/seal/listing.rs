//! The records of one person in one category. Which records there are is personal data too, so a
//! list needs the same evidence as a read.

use coffer_keys::Altered;
use coffer_wire::Hash;

use super::stored::Found;
use crate::admit::{List, Permit};
use crate::keyring::Keyring;
use crate::ledger::{Recorded, Spent};

/// What was listed: each record and its version.
pub struct OpenedList {
    /// In the order of the records' ids.
    pub records: Vec<(String, u32)>,
}

/// Opens the identities of the rows that a scan found under a person. `listed` is the digest of all
/// rows there, which the record of this access must name.
pub fn open_list(
    found: Vec<Found>,
    listed: &Hash,
    permit: Permit<List>,
    recorded: Recorded,
    keyring: &Keyring,
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
    let named = found.into_iter().map(|found| found.named(keyring).map(|s| (s.target.record.clone(), s.version())));
    let mut records = named.collect::<Result<Vec<_>, _>>()?;
    records.sort();
    Ok((OpenedList { records }, recorded.spend()))
}
