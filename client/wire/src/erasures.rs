//! More erasures in an hour than one person may do alone.

use serde::{Deserialize, Serialize};

use crate::api::{CATEGORIES_MAX, Receipt};
use crate::approvals::ApprovalId;
use crate::bounded;
use crate::name::Name;

/// Erasures that a second person may approve at a time.
pub const ALLOWED_MAX: u32 = 100_000;
/// For how long, in hours: no longer than the vault believes the roles of whoever approved.
pub const ALLOWED_HOURS_MAX: u32 = 24;

/// Asks that the caller may erase more than one person may alone, which takes a second person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AllowErasuresRequest {
    /// Whose data it is.
    pub controller: Name,
    /// From which categories. For `subjects/erase` from all categories: all of them.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = CATEGORIES_MAX)))]
    #[serde(deserialize_with = "bounded::list::<_, _, CATEGORIES_MAX>")]
    pub categories: Vec<Name>,
    /// For what: the purpose that the erasures will name.
    pub purpose: Name,
    /// The case, where a category asks for one.
    #[cfg_attr(feature = "schema", schemars(length(max = crate::api::WORDS_BYTES_MAX)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// How many more erasures, records and persons together: 1 to 100,000.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = ALLOWED_MAX)))]
    pub count: u32,
    /// For how many hours from then on: 1 to 24.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = ALLOWED_HOURS_MAX)))]
    pub hours: u32,
    /// Why. 1 to 256 bytes of UTF-8.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::api::WORDS_BYTES_MAX)))]
    pub reason: String,
    /// What a second person approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

/// What is allowed now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AllowErasuresAnswer {
    /// How many more erasures.
    pub count: u32,
    /// Until when, Unix time in milliseconds.
    pub until_ms: u64,
    /// Proof that it is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}
