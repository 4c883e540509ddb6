//! A write that nobody decided.
//!
//! error E0061: this method takes 2 arguments but 1 argument was supplied

use coffer_keys::SubjectKey;
use coffer_vault::admit::{Permit, Write};
use coffer_vault::seal::{Draft, NotSealed, Sealed};

pub fn write(draft: Draft, permit: &Permit<Write>, own: &SubjectKey) -> Result<Sealed, NotSealed> {
    let _ = permit;
    draft.seal(
        #[cfg(feature = "evidence")]
        permit,
        own,
    )
}

fn main() {}
