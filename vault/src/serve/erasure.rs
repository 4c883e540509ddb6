//! What both erasures share: rows and keys of a person that end, with a leaf for each row.

use coffer_keys::{Altered, KeyId};
use coffer_wire::ExternalId;
use coffer_wire::private::Private;

use super::desk::Desk;
use super::step::Halt;
use crate::admit::Permit;
use crate::keyring::Line;
use crate::ledger::{Attribution, Detail, Entry};
use crate::seal::{Ends, Found, Stored};
use crate::store::{Batch, Family, Precondition, View, prefix_digest};

/// The rows of a person in a category, each named by its sealed identity.
pub(super) struct Rows {
    pub(super) stored: Vec<Stored>,
    pub(super) unchanged: Precondition,
}

/// Reads and names them. The precondition says that no row comes or goes meanwhile.
pub(super) fn rows<A: Ends>(
    desk: &Desk,
    line: &Line,
    permit: &Permit<A>,
    view: &View<'_>,
) -> Result<Result<Rows, Altered>, Halt> {
    let (person, family) = (permit.person(), Family::Rows(*line.category()));
    let prefix = line.locator().person(person).to_vec();
    let (found, rows) = match Stored::all(line, view, (*line.controller(), *line.category(), person))? {
        Ok(found) => found,
        Err(altered) => return Ok(Err(altered)),
    };
    let unchanged = Precondition::Prefix { family, prefix, digest: prefix_digest(&rows) };
    let named = found.into_iter().map(|found: Found| found.identify_for(permit, &desk.keyring));
    Ok(named.collect::<Result<Vec<_>, _>>().map(|stored| Rows { stored, unchanged }))
}

/// The leaf of a row that ends.
pub(super) fn ended<A: Ends>(
    desk: &Desk,
    permit: &Permit<A>,
    about: &Attribution,
    stored: &Stored,
    destroyed: &[KeyId],
) -> Result<Entry, Halt> {
    let target = stored.target();
    let detail = Detail { category: Some(target.category), version: Some(stored.version()), ..Detail::default() };
    let private = Private {
        person: ExternalId::new(target.person.as_str()).ok(),
        record: ExternalId::new(target.record.as_str()).ok(),
        version: Some(stored.version()),
        destroyed: destroyed.iter().map(KeyId::to_string).collect(),
        ..Private::default()
    };
    Ok(Entry::granted(permit, &desk.common, about.about(), detail, private)?)
}

/// Deletes a row, and where the keys of others in it were found.
pub(super) fn delete(line: &Line, view: &View<'_>, stored: &Stored, batch: &mut Batch) -> Result<(), Halt> {
    batch.delete(stored.target().family(), stored.target().row_key(line));
    for id in stored.other_keys() {
        if let Some(index) = line.index_key_of(view, &id)? {
            batch.delete(Family::Keys, index);
        }
    }
    Ok(())
}
