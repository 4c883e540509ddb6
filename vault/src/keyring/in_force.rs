//! What vouches for small rows of the meta family: policy and schema in force, since whoever writes to the disk must not write
//! rights; and when the newest drill was, since a drill that never was must not be shown.

use coffer_keys::{Context, Label};
use coffer_wire::Hash;

use super::Line;

/// The tag over epoch, policy and schema, the two by SHA-256 of what is stored. `vault`: the vault's own audit line.
pub fn in_force_tag(vault: &Line, epoch: u32, access: &Hash, schema: &Hash) -> [u8; 16] {
    let context = Context::new(Label::Index).text("in force").number(u64::from(epoch));
    vault.locator().tag(&context.part(access.as_bytes()).part(schema.as_bytes()))
}

/// The tag over when a drill was, Unix time in milliseconds. `vault`: the vault's own audit line.
pub fn drill_tag(vault: &Line, at_ms: u64) -> [u8; 16] {
    vault.locator().tag(&Context::new(Label::Index).text("drill").number(at_ms))
}
