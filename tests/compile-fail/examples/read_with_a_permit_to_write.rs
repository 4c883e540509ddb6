//! Who may write a record reads it.
//!
//! error E0308: expected `Permit<Read>`, found `Permit<Write>`

use coffer_keys::Altered;
use coffer_vault::admit::Permit;
#[cfg(feature = "evidence")]
use coffer_vault::admit::Read as Asked;
#[cfg(not(feature = "evidence"))]
use coffer_vault::admit::Write as Asked;
use coffer_vault::keyring::Keyring;
use coffer_vault::ledger::Recorded;
use coffer_vault::schema::Category;
use coffer_vault::seal::{Opened, Stored, open};

pub fn read(
    stored: &Stored,
    category: &Category,
    permit: Permit<Asked>,
    recorded: Recorded,
    keyring: &Keyring,
) -> Result<Opened, Altered> {
    Ok(open(stored, category, permit, recorded, keyring, 0)?.0)
}

fn main() {}
