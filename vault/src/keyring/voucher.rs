//! What vouches for the lines of the erasure ledger: whoever writes to its disk must not end keys, nor pass the file of
//! another vault for this one's.

use std::sync::Arc;

use coffer_keys::{Context, Label};

use super::{Keyring, Line};

/// Makes the tags of the erasure ledger, with the locator key of the vault's own audit category.
#[derive(Clone)]
pub struct Voucher(Arc<Line>);

impl Voucher {
    /// By the vault's own audit line.
    pub fn new(vault: Line) -> Voucher {
        Voucher(Arc::new(vault))
    }

    /// The tag over a line as it is written, in the part of the file that is about the log of this origin.
    pub fn tag(&self, origin: &str, line: &str) -> [u8; 16] {
        self.0.locator().tag(&Context::new(Label::Index).text("erasures").text(origin).text(line))
    }
}

impl Keyring {
    /// What vouches for the erasure ledger, where the vault's own audit keys are open.
    pub fn voucher(&self) -> Option<Voucher> {
        let vault = (coffer_wire::name::VAULT, super::audit_category());
        self.lines.get(&vault).map(|line| Voucher(Arc::clone(line)))
    }
}
