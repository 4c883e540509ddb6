//! The way that a reseal takes, taken by a write.
//!
//! error E0624: method `finish` is private

use coffer_keys::SubjectKey;
use coffer_vault::admit::{Permit, Write};
use coffer_vault::seal::{Draft, NotSealed, Sealed};

pub fn write(draft: Draft, permit: &Permit<Write>, own: &SubjectKey) -> Result<Sealed, NotSealed> {
    let _ = permit;
    #[cfg(feature = "evidence")]
    return draft.seal(permit, own);
    #[cfg(not(feature = "evidence"))]
    return draft.finish(own);
}

fn main() {}
