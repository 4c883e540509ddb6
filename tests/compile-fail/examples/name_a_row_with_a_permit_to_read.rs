//! The identity of a row that a scan found, opened by an act that ends nothing.
//!
//! error E0277: the trait bound `coffer_vault::admit::Read: Ends` is not satisfied

use coffer_keys::Altered;
#[cfg(feature = "evidence")]
use coffer_vault::admit::Erase as Asked;
use coffer_vault::admit::Permit;
#[cfg(not(feature = "evidence"))]
use coffer_vault::admit::Read as Asked;
use coffer_vault::keyring::Keyring;
use coffer_vault::seal::{Found, Stored};

pub fn name(found: Found, permit: &Permit<Asked>, keyring: &Keyring) -> Result<Stored, Altered> {
    found.identify_for(permit, keyring)
}

fn main() {}
