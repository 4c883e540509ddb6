//! A kind of permit that the gate does not know.
//!
//! error E0277: the trait bound `Browse: admit::permit::sealed::Sealed` is not satisfied

use coffer_vault::admit::Permit;
#[cfg(feature = "evidence")]
use coffer_vault::admit::Read as Browse;

#[cfg(not(feature = "evidence"))]
pub enum Browse {}

#[cfg(not(feature = "evidence"))]
impl coffer_vault::admit::Act for Browse {}

pub fn rule(permit: &Permit<Browse>) -> &str {
    permit.rule()
}

fn main() {}
