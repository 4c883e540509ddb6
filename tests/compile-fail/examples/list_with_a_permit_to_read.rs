//! Who may read a record learns which others there are.
//!
//! error E0308: expected `Permit<List>`, found `Permit<Read>`

use coffer_keys::Altered;
#[cfg(feature = "evidence")]
use coffer_vault::admit::List as Asked;
use coffer_vault::admit::Permit;
#[cfg(not(feature = "evidence"))]
use coffer_vault::admit::Read as Asked;
use coffer_vault::keyring::Keyring;
use coffer_vault::ledger::Recorded;
use coffer_vault::seal::{Found, OpenedList, open_list};
use coffer_wire::Hash;

pub fn list(
    found: Vec<Found>,
    listed: &Hash,
    permit: Permit<Asked>,
    recorded: Recorded,
    keyring: &Keyring,
) -> Result<OpenedList, Altered> {
    Ok(open_list(found, listed, permit, recorded, keyring, None)?.0)
}

fn main() {}
