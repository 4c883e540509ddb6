//! The identity of a row that a scan found, opened by nobody's leave.
//!
//! error E0624: method `named` is private

use coffer_keys::Altered;
use coffer_vault::admit::{Erase, Permit};
use coffer_vault::keyring::Keyring;
use coffer_vault::seal::{Found, Stored};

pub fn name(found: Found, permit: &Permit<Erase>, keyring: &Keyring) -> Result<Stored, Altered> {
    let _ = permit;
    #[cfg(feature = "evidence")]
    return found.identify_for(permit, keyring);
    #[cfg(not(feature = "evidence"))]
    return found.named(keyring);
}

fn main() {}
