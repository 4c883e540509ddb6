//! A second permit out of one.
//!
//! error E0599: no method named `clone` found for struct `Permit<A>`

use coffer_vault::admit::{Permit, Read};

pub fn two(permit: Permit<Read>, #[cfg(feature = "evidence")] second: Permit<Read>) -> [Permit<Read>; 2] {
    #[cfg(not(feature = "evidence"))]
    let second = permit.clone();
    [permit, second]
}

fn main() {}
