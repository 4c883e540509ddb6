//! The private part of a leaf: what only those may learn who may unmask an access.
//!
//! It lies sealed beside the tree; the leaf holds a salted commitment to it, so that it can be
//! shown later and compared, and so that its loss or erasure leaves the log whole.

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::api::Form;
use crate::known::Known;
use crate::name::{ExternalId, Name};
use crate::provenance::Provenance;
use crate::tree::Hash;

/// Bytes of the salt of a commitment.
pub const SALT_BYTES: usize = 32;

/// The private part, as JSON with closed names.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Private {
    /// The data subject, by the caller's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<ExternalId>,
    /// The record, by the caller's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<ExternalId>,
    /// The fields that were asked for or written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Name>,
    /// The form that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// The version that was written or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Where what was written comes from, as the caller says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Provenance>,
    /// What else is known of what was written.
    #[serde(default, skip_serializing_if = "Known::is_empty")]
    pub known: Known,
    /// The version of the controller's privacy notice that was in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// Why, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The case for which it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The network address of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The staff member: issuer and subject of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The agreement under which the application acts for the controller, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// Other people whom the record names, and that were written or ended with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<ExternalId>,
    /// Ids of keys that were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
    /// Ids of keys that were destroyed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destroyed: Vec<String>,
    /// Ids of keys in whose place those that were made came: nobody was erased.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// No byte of the wrapped keys that were destroyed before this leaf is in the store's files any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Where the end of a job is told: the leaf that began it, by its position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<u64>,
    /// How many keys it has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<u64>,
    /// How many records it has sealed again, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resealed: Option<u64>,
    /// What else is to be known of an act that touches no record, such as a range of leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The commitment in the leaf: SHA-256 of salt ‖ private part. The salt has a fixed width.
pub fn commitment(salt: &[u8; SALT_BYTES], private: &[u8]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(salt);
    context.update(private);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Hash::from_bytes(hash)
}
