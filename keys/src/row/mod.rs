//! The layout of a stored record.
//!
//! ```text
//! clear head ‖ sealed identity ‖ sealed fields
//! ```
//!
//! The head is what must be known before anything is open: which keys, which fields, sealed at which version. The
//! identity says whose row it is, and binds the head and every field, so that no field of an older row can be put back. Who opens
//! a row opens the identity first ([`open_identity`]), compares it with what was asked, then builds the fields' contexts ([`value_context`]).

mod head;
mod identity;
mod layout;

pub use head::{FIELDS_MAX, FORMAT, FieldHead, Head, KEYS_MAX, SUITE};
pub use identity::{Identity, SALT_BYTES, open_identity, seal_identity};
pub use layout::Row;

#[cfg(test)]
pub(crate) use identity::seal_identity_with_salt;

use sha2::{Digest, Sha256};

use crate::context::{Context, Label};
use crate::id::KeyId;

/// The context of a field's value. `key` is the id of the subject key that seals it; `person` and `record` are the row's own, from its identity, also where
/// the field is about somebody else; `version` is the row's version at which the field was sealed; `suite` stands in the row's head.
#[allow(clippy::too_many_arguments)] // each names one part of the place, and the place is what is being named
pub fn value_context(
    controller: &str,
    category: &str,
    key: &KeyId,
    person: &str,
    record: &str,
    field: u16,
    version: u32,
    suite: u8,
) -> Context {
    Context::new(Label::Value)
        .part(&[suite])
        .text(controller)
        .text(category)
        .part(key.as_bytes())
        .text(person)
        .text(record)
        .number(u64::from(field))
        .number(u64::from(version))
}

/// What the log says of a row: SHA-256(salt ‖ encoded row), with the salt of the row's identity. Nobody who has not opened
/// the row can test a guess of its bytes against the log.
pub fn hash(salt: &[u8; SALT_BYTES], encoded: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(encoded).finalize().into()
}
