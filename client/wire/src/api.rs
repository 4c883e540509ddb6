//! Requests and answers of every operation, as JSON.
//!
//! Requests take lists; each item has an outcome of its own. Unknown names are refused, and so is a list that is longer than
//! its operation takes, at the element too many.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::approvals::ApprovalId;
use crate::bounded;
pub use crate::form::Form;
use crate::known::{self, Confidence, Day, Known};
use crate::leaf::Action;
use crate::name::{ExternalId, Name};
use crate::object;
use crate::problem::Code;
use crate::provenance::Provenance;
use crate::tree::Hash;
use crate::value::Value;

/// Items in one request, at most.
pub const ITEMS_MAX: usize = 1_000;
/// Fields that one item names, at most: as many as a category may have.
pub const FIELDS_MAX: usize = 64;
/// Categories that one item names, and files of one proposal, at most: as many as a schema may have.
pub const CATEGORIES_MAX: usize = 64;
/// Leaves in one answer of `log/entry`, at most.
pub const ENTRIES_MAX: u64 = 1_000;
/// Bytes of a case or a reason, at most.
pub const WORDS_BYTES_MAX: usize = 256;

/// What stands around the items of a request: on whose behalf, what for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RequestOf{T}"))]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
pub struct Request<T> {
    /// The controller whose data it is.
    pub controller: Name,
    /// The purpose; one of those that the category permits.
    pub purpose: Name,
    /// The case, where the category asks for one. At most 256 bytes of UTF-8.
    #[cfg_attr(feature = "schema", schemars(length(max = WORDS_BYTES_MAX)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Why, in the caller's words. At most 256 bytes of UTF-8.
    #[cfg_attr(feature = "schema", schemars(length(max = WORDS_BYTES_MAX)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// All items or none (writes only).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub atomic: bool,
    /// At most 1,000.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = ITEMS_MAX)))]
    #[serde(deserialize_with = "object::each::<_, _, ITEMS_MAX>")]
    pub items: Vec<T>,
}

/// One record to write. Fields that are not named stay as they are.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WriteItem {
    /// The category.
    pub category: Name,
    /// The data subject.
    pub person: ExternalId,
    /// The record.
    pub record: ExternalId,
    /// The version that the caller relies on; 0: the record must not exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Where the values come from; one of the sources that the category and each of the fields take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Provenance>,
    /// What else is known of the values, and of fields that stay as they are.
    #[serde(default, skip_serializing_if = "Known::is_empty", deserialize_with = "known::object")]
    pub known: Known,
    /// New values; `null` takes a field out of the record. At most 64.
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = FIELDS_MAX)))]
    #[serde(deserialize_with = "bounded::map::<_, _, _, FIELDS_MAX>")]
    pub fields: BTreeMap<Name, Option<Value>>,
    /// For each field about somebody else: that person. At most 64.
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = FIELDS_MAX)))]
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "bounded::map::<_, _, _, FIELDS_MAX>"
    )]
    pub about: BTreeMap<Name, ExternalId>,
}

/// One record to read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadItem {
    /// The category.
    pub category: Name,
    /// The data subject.
    pub person: ExternalId,
    /// The record.
    pub record: ExternalId,
    /// The fields, at most 64; there is no "all".
    #[cfg_attr(feature = "schema", schemars(length(max = FIELDS_MAX)))]
    #[serde(deserialize_with = "bounded::list::<_, _, FIELDS_MAX>")]
    pub fields: Vec<Name>,
    /// In which form they are shown; a date of birth also as a band of age or as whether an age is reached.
    pub form: Form,
}

/// One person's records in one category.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListItem {
    /// The category.
    pub category: Name,
    /// The data subject.
    pub person: ExternalId,
    /// Names of each record the fields of which nobody has made sure since this day; without it none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_verified_since: Option<Day>,
}

/// One record to erase.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EraseItem {
    /// The category.
    pub category: Name,
    /// The data subject.
    pub person: ExternalId,
    /// The record.
    pub record: ExternalId,
}

/// One person to erase.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EraseSubjectItem {
    /// The data subject.
    pub person: ExternalId,
    /// From which categories, at most 64; none named: from all.
    #[cfg_attr(feature = "schema", schemars(length(max = CATEGORIES_MAX)))]
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::list::<_, _, CATEGORIES_MAX>"
    )]
    pub categories: Vec<Name>,
}

/// The outcome of one item.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// An HTTP status: 200, or that of the code.
    pub status: u16,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// One sentence for a person. Never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Name>,
    /// The record's version: read, written, or, with a conflict, the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// What was read. A field that the record does not have is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<Name, Value>>,
    /// For each field that was read and of which it is known: whence, and under which notice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provenance: BTreeMap<Name, Stamp>,
    /// What was listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<Listed>>,
    /// How many records were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<u32>,
    /// The proof that this access is in the log. An erase of several records has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Receipt>,
}

/// What is known of how a value came in.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Provenance>,
    /// The version of the controller's privacy notice that was in force when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// Out of which document, or from which contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ExternalId>,
    /// The day on which somebody last made sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Day>,
    /// How sure it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Source and reference were given in confidence, and are shown for few purposes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_confidence: bool,
    /// The person disputes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disputed: bool,
}

/// One record of a list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The record.
    pub record: ExternalId,
    /// Its current version.
    pub version: u32,
    /// Its fields of which nobody has made sure since the day that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<Name>,
}

/// The answer to a list of items.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// One outcome for each item, in the request's order.
    pub items: Vec<Outcome>,
    /// The checkpoints (C2SP signed notes) that the receipts refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Proof that an access is in the log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The leaf's index.
    pub index: u64,
    /// The leaf's RFC 6962 hash.
    pub leaf_hash: Hash,
    /// Which of the answer's notes covers it.
    pub note: u32,
    /// For a grant: the leaf's bytes, which are JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    /// For a grant: the commitment's salt, as 43 base64url characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Hash>,
    /// For a grant: the private part's bytes, which are JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<String>,
}

/// An act that names no record: `status`, `whoami`, `keys/list`, `access/show`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// A range of leaves.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EntryRequest {
    /// Index of the first leaf.
    pub start: u64,
    /// How many, at most 1,000.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = ENTRIES_MAX)))]
    pub count: u64,
    /// Which of the logs that follow each other, from 1; left out: the one that is open. Of one that ended there are the leaves
    /// that were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u16>,
}

/// Leaves, and the log as it stood when they were read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EntryAnswer {
    /// Index of the first leaf.
    pub start: u64,
    /// The leaves' bytes, which are JSON. Fewer than asked for at the log's end.
    pub leaves: Vec<String>,
    /// The newest checkpoint.
    pub checkpoint: String,
    /// Proof that this very read is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}

/// Asks for the certificate of an act that ended something.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CertificateRequest {
    /// Index of the act's leaf, as its receipt names it; left out: the newest erase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
}

/// A certificate.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CertificateAnswer {
    /// The certificate: a signed note, to be filed as it is.
    pub certificate: String,
    /// Proof that this very issue is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}

/// Asks for proofs. Both may be asked for at once.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProveRequest {
    /// The index of a leaf, to be proved under `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// An older size, to be proved consistent with `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The size of the tree; left out: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Which of the logs that follow each other, from 1; left out: the one that is open. Of one that ended, the tree is that of
    /// the leaves that were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u16>,
}

/// The notes that lead to the log and key of now, as signed notes, oldest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SuccessionAnswer {
    /// Empty where the log is the first and its key too.
    pub notes: Vec<String>,
    /// The newest checkpoint.
    pub checkpoint: String,
}

/// Asks for a new key of the log.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RekeyRequest {}

/// The log's new key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RekeyAnswer {
    /// The new key, as verifiers pin it.
    pub log_key: String,
    /// The note by which the old key hands on.
    pub note: String,
    /// Until when the old key signs too, Unix time in milliseconds.
    pub until_ms: u64,
    /// Proof that it is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}

/// Proofs after RFC 6962 §2.1.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProveAnswer {
    /// The size of the tree they speak of.
    pub size: u64,
    /// The audit path, leaf to root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<Vec<Hash>>,
    /// The consistency proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Vec<Hash>>,
    /// The newest checkpoint.
    pub checkpoint: String,
}

/// A key, without its material.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyInfo {
    /// The key's id.
    pub id: String,
    /// `category`, `locator`, `audit` or `log`.
    pub kind: String,
    /// The controller.
    pub controller: Name,
    /// The category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
    /// The version, from 1.
    pub version: u32,
    /// `active`, `decrypt-only`, `compromised` or `destroyed`.
    pub state: String,
    /// Of a category key: how many keys of persons or staff lie under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<u64>,
    /// Unix time in milliseconds.
    pub created_ms: u64,
}

/// The answer of `keys/list`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeysAnswer {
    /// Every key that is no person's own.
    pub keys: Vec<KeyInfo>,
    /// How many keys of persons and staff there are.
    pub personal: u64,
}

/// Which keys are to have a new version. Of controllers and categories that are not named: all that the caller has a right for.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateRequest {
    /// Whose keys; `vault` for the vault's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<Name>,
    /// Of which category; `audit` for the keys that wrap what the log keeps in private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
    /// Only those whose newest version is at least so many days old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_days: Option<u32>,
    /// How many keys of persons or staff are moved in a second, at most. Left out: so many that reads hardly notice.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = REWRAP_RATE_MAX)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Every record is sealed again under new keys of the people in it, instead of moving the keys that are there; `rate` then counts
    /// records. Not for `audit`, whose keys are for life: asked for by name it is refused, and else it is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deep: bool,
    /// Why, in the caller's words. At most 256 bytes of UTF-8.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = WORDS_BYTES_MAX)))]
    pub reason: String,
}

/// Keys of persons or staff that a job moves in a second, at most.
pub const REWRAP_RATE_MAX: u32 = 1_000_000;

/// A key that has a new version.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// The controller.
    pub controller: Name,
    /// The category.
    pub category: Name,
    /// The new version.
    pub version: u32,
    /// The job that moves what lies under the old ones.
    pub job: u64,
    /// Proof that it is in the log.
    pub receipt: Receipt,
}

/// A key that was left as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unrotated {
    /// The controller.
    pub controller: Name,
    /// The category.
    pub category: Name,
    /// Why.
    pub code: Code,
}

/// The answer of `keys/rotate`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateAnswer {
    /// The keys that have a new version.
    pub rotated: Vec<Rotated>,
    /// Those that were asked for and have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Unrotated>,
    /// The notes of the receipts.
    pub notes: Vec<String>,
}

/// A job: work that an act has begun and that goes on without it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobInfo {
    /// Its number: the position of the leaf that opened it, in the first log its index.
    pub job: u64,
    /// `rewrap`, or `reseal` of a deep rotation.
    pub kind: String,
    /// `running`, `done`, or `stuck` where what is left does not open.
    pub state: String,
    /// The controller.
    pub controller: Name,
    /// The category.
    pub category: Name,
    /// Keys a second, at most; of `reseal` records a second.
    pub rate: u32,
    /// How many keys there were when it began; left out until they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How many it has moved, or of `reseal` replaced. Those erased meanwhile are not among them.
    pub done: u64,
    /// Of `reseal`: how many records it has sealed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// How many do not open and are left.
    pub left: u64,
    /// When it began, Unix time in milliseconds.
    pub started_ms: u64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
}

/// The answer of `keys/jobs`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobsAnswer {
    /// Every job there was, oldest first.
    pub jobs: Vec<JobInfo>,
}

/// One version of a category key that is to come into another state.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// The controller.
    pub controller: Name,
    /// The category.
    pub category: Name,
    /// The version.
    pub version: u32,
    /// Why, in the caller's words. At most 256 bytes of UTF-8.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = WORDS_BYTES_MAX)))]
    pub reason: String,
    /// Of `keys/shred`: how many keys of persons lie under it, and so how many lose what they protect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Of `key/state`: the state that it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<NewState>,
    /// Of `keys/destroy` and `keys/shred`, which need two people: the approval of the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

/// A state that somebody may give a key by saying so. All others come with what is done: a rotation, a destruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NewState {
    /// Somebody may know it: it opens for the job alone that moves what lies under it.
    Compromised,
}

/// The state of a key after an act.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyAnswer {
    /// The state.
    pub state: String,
    /// How many keys of persons or staff lay under it.
    pub under: u64,
    /// Proof that it is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}

/// The answer of `whoami`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Whoami {
    /// The application.
    pub application: Name,
    /// Issuer of the token.
    pub issuer: String,
    /// Subject of the token.
    pub subject: String,
    /// Roles that the policy in force knows.
    pub roles: Vec<Name>,
    /// Controllers of person and application both.
    pub controllers: Vec<Name>,
    /// When the token ends, Unix time in milliseconds.
    pub expires_ms: u64,
}

/// How far shares of the root key are gathered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// How many are needed.
    pub needed: u8,
    /// How many are there.
    pub have: u8,
    /// Of which set those are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
}

/// What `vault/unseal` takes.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnsealRequest {
    /// A share as it was written down; left out where the vault's seal opens it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Value>,
}

/// The answer of `vault/unseal`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnsealAnswer {
    /// `open`, or `sealed` where more shares are needed.
    pub state: String,
    /// How far they are gathered, while more are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
}

/// The answer of `vault/seal`: no key is in the vault's memory any more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SealAnswer {
    /// `sealed`.
    pub state: String,
    /// Proof that it is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}

/// What `vault/drill` takes.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrillRequest {
    /// A share as it was written down; left out where the vault's seal opens it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Value>,
}

/// The answer of `vault/drill`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrillAnswer {
    /// Whether it was shown that what was handed in would open the vault; false while more shares are needed.
    pub would_open: bool,
    /// How far they are gathered, while more are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// Proof that it is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}

/// Into how many shares a root key is split.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SplitRequest {
    /// How many of them open the vault, at least 2.
    pub threshold: u8,
    /// How many are given out, at most 16.
    pub shares: u8,
}

/// What `root/rotate` takes: nothing where the seal gives the root key by itself; else first `split`, then a `share` a call. With `to_next_seal` that
/// is said of the next seal.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateRootRequest {
    /// The new root key is to be held by the seal that the operator has declared as the next one, and no more by the present one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub to_next_seal: bool,
    /// New shares are to be given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitRequest>,
    /// A new share, typed back as it was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Value>,
    /// The second person's approval, which new shares and a change of the seal need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

/// The answer of `root/rotate`.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateRootAnswer {
    /// The id of the root key that is now in force; left out while it is still the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// How many keys lie under it.
    #[serde(default)]
    pub keys: u64,
    /// The new shares, shown this once: each for one officer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_out: Vec<Value>,
    /// How far the new shares are typed back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// Proof that it is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}

/// The answer of `status`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The vault's name.
    pub name: Name,
    /// The program's version.
    pub version: String,
    /// `open`, `sealing` while keys may still be in memory, or `sealed`.
    pub state: String,
    /// Why it is sealed, as a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The log's origin.
    pub origin: String,
    /// The log's public key, as a C2SP verifier key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_key: Option<String>,
    /// Leaves in the log.
    pub log_size: u64,
    /// Age of the head outside the database, in milliseconds.
    pub head_age_ms: u64,
    /// The policy epoch in force.
    pub policy: u32,
    /// The controllers.
    pub controllers: Vec<Name>,
    /// The categories.
    pub categories: Vec<Name>,
    /// The last moment of the server's certificate, Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_not_after_ms: Option<u64>,
    /// How far shares are gathered to open a sealed vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
    /// When the newest drill was that would have opened the vault, Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drilled_ms: Option<u64>,
    /// What an operator must change before this vault may hold real data.
    pub warnings: Vec<String>,
}

/// Files of a proposed policy or schema. The policy in force is the one last activated.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// File name and text, at most 64.
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = CATEGORIES_MAX)))]
    #[serde(deserialize_with = "bounded::map::<_, _, _, CATEGORIES_MAX>")]
    pub files: BTreeMap<String, String>,
    /// What a second person approved, where the proposal permits more than what is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

/// SHA-256 of the files of a policy or schema, as the leaf of their activation names it: of their JSON, names sorted.
pub fn files_hash(files: &BTreeMap<String, String>) -> Hash {
    Hash::sha256(&serde_json::to_vec(files).unwrap_or_default())
}

/// What is in force after an activation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApplyAnswer {
    /// The new policy epoch.
    pub policy: u32,
    /// SHA-256 over the files, as it stands in the leaf.
    pub hash: Hash,
    /// Proof that it is in the log.
    pub receipt: Receipt,
    /// The note of the receipt.
    pub notes: Vec<String>,
}

/// One cell of the policy in force: who may do what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The role.
    pub role: Name,
    /// The category.
    pub category: Name,
    /// The field, where the action is about fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Name>,
    /// The action.
    pub action: Action,
    /// The form, where the action shows something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// The purpose.
    pub purpose: Name,
    /// The rule that says so.
    pub rule: Name,
    /// The applications through which it can be done.
    pub applications: Vec<Name>,
}

/// Which cells are asked for; what is left out is not looked at.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShowRequest {
    /// Only this category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
    /// Only this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Name>,
    /// Only this action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
}

/// The answer of `access/show`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShowAnswer {
    /// The policy epoch.
    pub policy: u32,
    /// The cells, sorted.
    pub cells: Vec<Cell>,
}
