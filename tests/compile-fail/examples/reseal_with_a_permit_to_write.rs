//! A reseal under a permit that ends nothing.
//!
//! error E0308: expected `&Permit<Erase>`, found `&Permit<Write>`

use coffer_keys::{KeyId, SubjectKey};
#[cfg(feature = "evidence")]
use coffer_vault::admit::Erase as Asked;
use coffer_vault::admit::Permit;
#[cfg(not(feature = "evidence"))]
use coffer_vault::admit::Write as Asked;
use coffer_vault::keyring::Keyring;
use coffer_vault::schema::Category;
use coffer_vault::seal::{NotSealed, Resealed, Stored, reseal};

pub fn move_on(
    permit: &Permit<Asked>,
    stored: &Stored,
    category: &Category,
    keyring: &Keyring,
    new: (KeyId, &SubjectKey),
) -> Result<Resealed, NotSealed> {
    reseal(permit, stored, category, keyring, new)
}

fn main() {}
