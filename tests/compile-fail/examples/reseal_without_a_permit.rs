//! A reseal that nobody decided.
//!
//! error E0061: this function takes 5 arguments but 4 arguments were supplied

#[cfg(feature = "evidence")]
use coffer_vault::admit::{Erase, Permit};
use coffer_vault::keyring::Keyring;
use coffer_vault::schema::Category;
use coffer_vault::seal::{NotSealed, Renewed, Resealed, Stored, reseal};

pub fn move_on(
    #[cfg(feature = "evidence")] permit: &Permit<Erase>,
    stored: &Stored,
    category: &Category,
    keyring: &Keyring,
    renewed: &Renewed,
) -> Result<Resealed, NotSealed> {
    reseal(
        #[cfg(feature = "evidence")]
        permit,
        stored,
        category,
        keyring,
        renewed,
    )
}

fn main() {}
