//! Which records there are, without a leaf that says who learned it.
//!
//! error E0061: this function takes 6 arguments but 5 arguments were supplied

use coffer_keys::Altered;
use coffer_vault::admit::{List, Permit};
use coffer_vault::keyring::Keyring;
#[cfg(feature = "evidence")]
use coffer_vault::ledger::Recorded;
use coffer_vault::seal::{Found, OpenedList, open_list};
use coffer_wire::Hash;

pub fn list(
    found: Vec<Found>,
    listed: &Hash,
    permit: Permit<List>,
    #[cfg(feature = "evidence")] recorded: Recorded,
    keyring: &Keyring,
) -> Result<OpenedList, Altered> {
    open_list(
        found,
        listed,
        permit,
        #[cfg(feature = "evidence")]
        recorded,
        keyring,
        None,
    )
    .map(|(list, _)| list)
}

fn main() {}
