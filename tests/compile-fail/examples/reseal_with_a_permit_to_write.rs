//! A reseal under a permit that ends nothing.
//!
//! error E0277: the trait bound `coffer_vault::admit::Write: Reseals` is not satisfied

#[cfg(feature = "evidence")]
use coffer_vault::admit::Erase as Asked;
use coffer_vault::admit::Permit;
#[cfg(not(feature = "evidence"))]
use coffer_vault::admit::Write as Asked;
use coffer_vault::keyring::Keyring;
use coffer_vault::schema::Category;
use coffer_vault::seal::{NotSealed, Renewed, Resealed, Stored, reseal};

pub fn move_on(
    permit: &Permit<Asked>,
    stored: &Stored,
    category: &Category,
    keyring: &Keyring,
    renewed: &Renewed,
) -> Result<Resealed, NotSealed> {
    reseal(permit, stored, category, keyring, renewed)
}

fn main() {}
