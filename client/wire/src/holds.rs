//! Legal holds: while one stands, nothing of the person is erased.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::api::Receipt;
use crate::approvals::{ApprovalId, Person};
use crate::name::{ExternalId, Name};

/// Holds on one person, at most.
pub const HOLDS_MAX: usize = 64;

/// The name of one hold: 16 random bytes, written as 22 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HoldId(pub [u8; 16]);

/// The text is no such name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a hold's id is 22 base64url characters")]
pub struct NoHoldId;

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for HoldId {
    type Err = NoHoldId;

    fn from_str(text: &str) -> Result<HoldId, NoHoldId> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| NoHoldId)?;
        bytes.try_into().map(HoldId).map_err(|_| NoHoldId)
    }
}

impl Serialize for HoldId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HoldId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HoldId, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Puts a hold on a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetHoldRequest {
    /// The controller.
    pub controller: Name,
    /// The data subject, whether or not anything is held of them.
    pub person: ExternalId,
    /// Why. 1 to 256 bytes of UTF-8.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::api::WORDS_BYTES_MAX)))]
    pub reason: String,
    /// When it ends by itself, Unix time in milliseconds; left out: when it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// Lifts one hold.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LiftHoldRequest {
    /// The controller.
    pub controller: Name,
    /// The data subject.
    pub person: ExternalId,
    /// Which hold.
    pub hold: HoldId,
    /// Why. 1 to 256 bytes of UTF-8.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::api::WORDS_BYTES_MAX)))]
    pub reason: String,
    /// What a second person approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

/// Which holds are asked for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListHoldsRequest {
    /// The controller.
    pub controller: Name,
    /// Only those on this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<ExternalId>,
}

/// One hold.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Its name.
    pub id: HoldId,
    /// The data subject.
    pub person: ExternalId,
    /// Why.
    pub reason: String,
    /// Since when, Unix time in milliseconds.
    pub set_ms: u64,
    /// Who set it.
    pub set_by: Person,
    /// When it ends by itself, Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Whether it stands now.
    pub stands: bool,
}

/// The answer of `holds/list`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HoldsAnswer {
    /// The oldest first.
    pub holds: Vec<Hold>,
}

/// What was set or lifted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HoldAnswer {
    /// The hold.
    pub hold: HoldId,
    /// Proof that it is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}
