//! One leaf, two reads.
//!
//! error E0382: use of moved value: `recorded`

use coffer_keys::Altered;
use coffer_vault::admit::{Permit, Read};
use coffer_vault::keyring::Keyring;
use coffer_vault::ledger::Recorded;
use coffer_vault::schema::Category;
use coffer_vault::seal::{Opened, Stored, open};

pub fn read(
    stored: &Stored,
    category: &Category,
    permits: [Permit<Read>; 2],
    recorded: Recorded,
    #[cfg(feature = "evidence")] second: Recorded,
    keyring: &Keyring,
) -> Result<[Opened; 2], Altered> {
    let [one, two] = permits;
    let first = open(stored, category, one, recorded, keyring, 0)?.0;
    #[cfg(feature = "evidence")]
    let recorded = second;
    Ok([first, open(stored, category, two, recorded, keyring, 0)?.0])
}

fn main() {}
