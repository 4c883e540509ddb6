//! One decision, two reads.
//!
//! error E0382: use of moved value: `permit`

use coffer_keys::Altered;
use coffer_vault::admit::{Permit, Read};
use coffer_vault::keyring::Keyring;
use coffer_vault::ledger::Recorded;
use coffer_vault::schema::Category;
use coffer_vault::seal::{Opened, Stored, open};

pub fn read(
    stored: &Stored,
    category: &Category,
    permit: Permit<Read>,
    #[cfg(feature = "evidence")] second: Permit<Read>,
    recorded: [Recorded; 2],
    keyring: &Keyring,
) -> Result<[Opened; 2], Altered> {
    let [one, two] = recorded;
    let first = open(stored, category, permit, one, keyring, 0)?.0;
    #[cfg(feature = "evidence")]
    let permit = second;
    Ok([first, open(stored, category, permit, two, keyring, 0)?.0])
}

fn main() {}
