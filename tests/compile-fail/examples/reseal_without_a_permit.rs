//! A reseal that nobody decided.
//!
//! error E0061: this function takes 5 arguments but 4 arguments were supplied

use coffer_keys::{KeyId, SubjectKey};
#[cfg(feature = "evidence")]
use coffer_vault::admit::{Erase, Permit};
use coffer_vault::keyring::Keyring;
use coffer_vault::schema::Category;
use coffer_vault::seal::{NotSealed, Resealed, Stored, reseal};

pub fn move_on(
    #[cfg(feature = "evidence")] permit: &Permit<Erase>,
    stored: &Stored,
    category: &Category,
    keyring: &Keyring,
    new: (KeyId, &SubjectKey),
) -> Result<Resealed, NotSealed> {
    reseal(
        #[cfg(feature = "evidence")]
        permit,
        stored,
        category,
        keyring,
        new,
    )
}

fn main() {}
