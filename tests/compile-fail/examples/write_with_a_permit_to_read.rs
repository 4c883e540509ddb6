//! Who may read a record writes it.
//!
//! error E0308: expected `&Permit<Write>`, found `&Permit<Read>`

use coffer_keys::SubjectKey;
use coffer_vault::admit::Permit;
#[cfg(not(feature = "evidence"))]
use coffer_vault::admit::Read as Asked;
#[cfg(feature = "evidence")]
use coffer_vault::admit::Write as Asked;
use coffer_vault::seal::{Draft, NotSealed, Sealed};

pub fn write(draft: Draft, permit: &Permit<Asked>, own: &SubjectKey) -> Result<Sealed, NotSealed> {
    draft.seal(permit, own)
}

fn main() {}
