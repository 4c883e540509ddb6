//! What vouches for policy and schema in force: whoever writes to the disk must not write rights.

use coffer_keys::{Context, Label};
use coffer_wire::Hash;

use super::Line;

/// The tag over epoch, policy and schema, the two by SHA-256 of what is stored. `vault`: the vault's own audit line.
pub fn in_force_tag(vault: &Line, epoch: u32, access: &Hash, schema: &Hash) -> [u8; 16] {
    let context = Context::new(Label::Index).text("in force").number(u64::from(epoch));
    vault.locator().tag(&context.part(access.as_bytes()).part(schema.as_bytes()))
}
