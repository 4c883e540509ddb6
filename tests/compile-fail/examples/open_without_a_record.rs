//! A read that is not in the log.
//!
//! error E0061: this function takes 6 arguments but 5 arguments were supplied

use coffer_keys::Altered;
use coffer_vault::admit::{Permit, Read};
use coffer_vault::keyring::Keyring;
#[cfg(feature = "evidence")]
use coffer_vault::ledger::Recorded;
use coffer_vault::schema::Category;
use coffer_vault::seal::{Opened, Stored, open};

pub fn read(
    stored: &Stored,
    category: &Category,
    permit: Permit<Read>,
    #[cfg(feature = "evidence")] recorded: Recorded,
    keyring: &Keyring,
) -> Result<Opened, Altered> {
    open(
        stored,
        category,
        permit,
        #[cfg(feature = "evidence")]
        recorded,
        keyring,
        0,
    )
    .map(|(opened, _)| opened)
}

fn main() {}
