//! What calls give back.

use std::collections::BTreeMap;

use coffer_wire::api::{Listed, Shares, Stamp};
use coffer_wire::approvals::Approval;
use coffer_wire::holds::HoldId;
use coffer_wire::note::{Checkpoint, VerifierKey};
use coffer_wire::{Hash, Name, Value};

/// Where the log has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Logged {
    /// The leaf's index.
    pub index: u64,
    /// The leaf's RFC 6962 hash.
    pub leaf_hash: Hash,
}

/// What was read of a record. Its values do not print.
pub struct Record {
    /// The record's version.
    pub version: u32,
    /// The fields that were asked for. One that the record does not have is not there.
    pub fields: BTreeMap<Name, Value>,
    /// Of these fields, where it is known: whence the value came, and under which privacy notice.
    pub provenance: BTreeMap<Name, Stamp>,
    /// Where the log has it.
    pub logged: Logged,
}

impl Record {
    /// A field's value, if the record has it and it was asked for.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(&Name::new(name).ok()?)
    }
}

/// A record as it is after a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Its version now.
    pub version: u32,
    /// Where the log has it.
    pub logged: Logged,
}

/// The records of a person in a category.
#[derive(Clone, PartialEq, Eq)]
pub struct Listing {
    /// The records, each with its version.
    pub records: Vec<Listed>,
    /// Where the log has it.
    pub logged: Logged,
}

/// What a drill has shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drilled {
    /// Whether what was handed in would open the vault; false while more shares are needed.
    pub would_open: bool,
    /// How far shares are gathered, while more are needed.
    pub shares: Option<Shares>,
    /// Where the log has it.
    pub logged: Logged,
}

/// How far a rotation of the root key has come. No `Debug`: shares do not print.
pub struct Rotated {
    /// The id of the root key that is now in force; none while it is still the one before.
    pub root: Option<String>,
    /// How many keys lie under it.
    pub keys: u64,
    /// New shares, shown this once.
    pub given_out: Vec<Value>,
    /// How far they are typed back.
    pub shares: Option<Shares>,
    /// Where the log has it.
    pub logged: Logged,
}

/// What was erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erased {
    /// How many records ended.
    pub records: u32,
    /// Where the log has it: a leaf for each record that ended or was sealed again.
    pub logged: Vec<Logged>,
}

/// Leaves of the log.
#[derive(Clone, PartialEq, Eq)]
pub struct Entries {
    /// Index of the first.
    pub start: u64,
    /// Their bytes, which are JSON. Fewer than asked for at the log's end.
    pub leaves: Vec<String>,
    /// The log as it stood when they were read.
    pub checkpoint: Checkpoint,
    /// The signed note of that checkpoint.
    pub note: String,
    /// Where the log has this very read.
    pub logged: Logged,
}

/// The log's new key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rekeyed {
    /// What is to be put into configurations.
    pub log_key: VerifierKey,
    /// Until when the old key signs too, Unix time in milliseconds.
    pub until_ms: u64,
    /// Where the log has it.
    pub logged: Logged,
}

/// What is in force after an activation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Activated {
    /// The policy epoch.
    pub policy: u32,
    /// SHA-256 over the files, as the leaf has it.
    pub hash: Hash,
    /// Where the log has it.
    pub logged: Logged,
}

/// What was decided about a request for a second person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The request as it stands now.
    pub approval: Approval,
    /// Where the log has the decision.
    pub logged: Logged,
}

/// What a person may erase beside what one may alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// How many records and persons.
    pub count: u32,
    /// Until when, Unix time in milliseconds.
    pub until_ms: u64,
    /// Where the log has it.
    pub logged: Logged,
}

/// A legal hold that was set or lifted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Its name.
    pub hold: HoldId,
    /// Where the log has it.
    pub logged: Logged,
}
