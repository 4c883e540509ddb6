//! Acts that need two people: what was asked for, by whom, and what a second person said to it.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::api::Receipt;
use crate::leaf::Action;
use crate::name::Name;

/// How long a request may be approved, in milliseconds: 7 days.
pub const ASKED_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;
/// How long an approval may be used, in milliseconds: a day, for so long the vault believes the roles of whoever gave it.
pub const GIVEN_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// Bytes of the words that say what is asked for, at most.
pub const SHOWN_BYTES_MAX: usize = 4_096;

/// The name of one request for a second person: 16 random bytes, written as 22 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ApprovalId(pub [u8; 16]);

/// The text is no such name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an approval's id is 22 base64url characters")]
pub struct NoApprovalId;

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for ApprovalId {
    type Err = NoApprovalId;

    fn from_str(text: &str) -> Result<ApprovalId, NoApprovalId> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| NoApprovalId)?;
        bytes.try_into().map(ApprovalId).map_err(|_| NoApprovalId)
    }
}

impl Serialize for ApprovalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApprovalId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ApprovalId, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    /// It waits for a second person.
    Asked,
    /// A second person approved; it may be used once, by whoever asked.
    Approved,
    /// A second person refused, or whoever asked took it back.
    Refused,
    /// What was asked for was done.
    Used,
    /// Nobody decided, or nobody used it, in time.
    Expired,
}

impl ApprovalState {
    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            ApprovalState::Asked => "asked",
            ApprovalState::Approved => "approved",
            ApprovalState::Refused => "refused",
            ApprovalState::Used => "used",
            ApprovalState::Expired => "expired",
        }
    }
}

/// A person, as a token names them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Who says so.
    pub issuer: String,
    /// Of whom.
    pub subject: String,
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.subject, self.issuer)
    }
}

/// One request for a second person, as those see it who asked or may decide.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// What is to be done.
    pub act: Action,
    /// The controller; `vault` where it is nobody's.
    pub controller: Name,
    /// What exactly, in words. Never a value.
    pub shown: String,
    /// How far it has come.
    pub state: ApprovalState,
    /// Who asked, and alone may use it.
    pub asked_by: Person,
    /// When, Unix time in milliseconds.
    pub asked_ms: u64,
    /// From when on it counts no more, Unix time in milliseconds.
    pub expires_ms: u64,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Person>,
    /// When, Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_ms: Option<u64>,
    /// Whether it is the caller's own: then another person must decide.
    pub own: bool,
}

/// The answer of `approvals/list`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalsAnswer {
    /// What the caller asked for, and what the caller may decide; the newest first.
    pub approvals: Vec<Approval>,
}

/// Approves or refuses one request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// Which.
    pub id: ApprovalId,
    /// Why, for the log. At most 256 bytes of UTF-8.
    #[cfg_attr(feature = "schema", schemars(length(max = crate::api::WORDS_BYTES_MAX)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a decision has made of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideAnswer {
    /// The request as it stands now.
    pub approval: Approval,
    /// Proof that the decision is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}
