//! A leaf of the access log: one access, refusal, key transition or change of policy.
//!
//! A leaf *is* its bytes: JSON from the one encoder below, hashed, stored and exported as it is and
//! never encoded again. docs/LOG.md describes each name. The head (`t`, `controller`, `n`) is
//! written by the sequencer, the tail by the thread of the request.

use std::io::Write;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name::Name;
use crate::problem::Code;
use crate::tree::Hash;

/// No leaf is longer, in bytes.
pub const LEAF_BYTES_MAX: usize = 512;

/// Integers in a leaf stay below this, so that every JSON reader reads them exactly (RFC 8259 §6).
pub const INTEGER_END: u64 = 1 << 53;

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// What was done or tried, as a closed list.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Action {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Action {
            /// Every action there is.
            pub const ALL: &'static [Action] = &[$(Action::$variant),*];

            /// The stable text form, at most 14 bytes.
            pub fn as_str(self) -> &'static str {
                match self { $(Action::$variant => $text,)* }
            }

            /// The action of a text form.
            pub fn from_text(text: &str) -> Option<Action> {
                match text { $($text => Some(Action::$variant),)* _ => None }
            }
        }
    };
}

actions! {
    /// A record was written.
    RecordsWrite = "records.write";
    /// Fields of a record were read.
    RecordsRead = "records.read";
    /// The records of a person in a category were listed.
    RecordsList = "records.list";
    /// A record was erased.
    RecordsErase = "records.erase";
    /// A record was sealed again under a new key, as another record of the person was erased.
    RecordsReseal = "records.reseal";
    /// A person was erased from a category.
    SubjectsErase = "subjects.erase";
    /// A person may erase more than one may alone, as a second person approved.
    ErasureAllow = "erasure.allow";
    /// No byte of destroyed keys is in the store's files any more.
    ErasedFinal = "erased.final";
    /// Keys that were destroyed had come back with an older copy, and were destroyed again.
    ErasedAgain = "erased.again";
    /// A certificate was issued.
    CertIssue = "cert.issue";
    /// Leaf 0: the log was opened.
    LogOpen = "log.open";
    /// The head was lost, and the store's newest checkpoint taken for it, as an approval permitted.
    LogAdopt = "log.adopt";
    /// The store's damaged tail was cut.
    LogRepair = "log.repair";
    /// The first leaf of a log that follows another.
    LogSucceed = "log.succeed";
    /// A new key of the log.
    LogRekey = "log.rekey";
    /// An archive took the place of a vault, when its log was followed by another.
    VaultRestore = "vault.restore";
    /// Leaves of the log were read.
    LogEntry = "log.entry";
    /// A key was destroyed, and nothing lay under it any more.
    KeysDestroy = "keys.destroy";
    /// The keys were listed, without key material.
    KeysList = "keys.list";
    /// A category key got a new version; the one before only opens from here on.
    KeysRotate = "keys.rotate";
    /// Nothing is left under the old versions of a category key.
    KeysRewrap = "keys.rewrap";
    /// Every record under the old versions of a category key is sealed again under new keys of persons, and nothing is left there.
    KeysReseal = "keys.reseal";
    /// The jobs were listed.
    KeysJobs = "keys.jobs";
    /// A version of a category key was destroyed with all that lay under it.
    KeysShred = "keys.shred";
    /// A version of a category key came into another state.
    KeyState = "key.state";
    /// A key was created.
    KeyCreate = "key.create";
    /// The vault was unsealed.
    VaultUnseal = "vault.unseal";
    /// The vault was sealed: its keys are wiped from memory behind this leaf.
    VaultSeal = "vault.seal";
    /// It was tried whether the seal would open the vault.
    VaultDrill = "vault.drill";
    /// A step of a rotation of the root key: new shares given out, one typed back; with a hash, the rotation itself.
    RootRotate = "root.rotate";
    /// A staff member was seen for the first time.
    StaffEnrol = "staff.enrol";
    /// The state of the vault was read.
    Status = "status";
    /// A caller asked who the vault takes it for.
    Whoami = "whoami";
    /// A policy was activated.
    AccessApply = "access.apply";
    /// The policy in force was read.
    AccessShow = "access.show";
    /// A schema was activated.
    SchemaApply = "schema.apply";
    /// The schema in force was read.
    SchemaShow = "schema.show";
    /// The description of the API was read.
    ApiShow = "api.show";
    /// Something was asked for that needs a second person.
    ApprovalAsk = "approval.ask";
    /// Requests for a second person were listed.
    ApprovalList = "approval.list";
    /// A second person approved.
    ApprovalGrant = "approval.grant";
    /// A second person refused, whoever asked took it back, or its time ended.
    ApprovalDeny = "approval.deny";
    /// A legal hold was put on a person.
    HoldSet = "hold.set";
    /// A legal hold was lifted.
    HoldLift = "hold.lift";
    /// Legal holds were listed.
    HoldList = "hold.list";
    /// The outcome of a write or erase was told again, to whoever sent it twice.
    Replay = "replay";
    /// A request that is no operation of the vault.
    Unknown = "unknown";
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A pseudonym of a person or staff member in the log: 16 bytes, different for each controller,
/// category and half-year.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Alias(pub [u8; 16]);

impl std::fmt::Display for Alias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = [0; 22];
        BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl Serialize for Alias {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Alias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Alias, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|b| b.try_into().ok());
        bytes.map(Alias).ok_or_else(|| de::Error::custom("an alias is 22 base64url characters"))
    }
}

/// How it was decided, with the rule or the code.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'a> {
    /// Permitted by the named rule of the policy in force.
    Granted(&'a str),
    /// Refused.
    Refused(Code),
    /// Permitted and recorded, but what is stored did not open.
    Failed(Code),
}

/// All of a leaf but its head. Names that do not apply are left out of the JSON.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'a> {
    /// What was done.
    pub action: Action,
    /// The category it was done to.
    pub category: Option<Name>,
    /// The purpose that was named.
    pub purpose: Option<Name>,
    /// How it was decided.
    pub decision: Decision<'a>,
    /// The application, by its name in the configuration.
    pub app: Option<Name>,
    /// The staff member.
    pub actor: Option<Alias>,
    /// The data subject.
    pub subject: Option<Alias>,
    /// The version of the record, or of the key.
    pub version: Option<u32>,
    /// On writes: SHA-256 of row salt ‖ row. On activations: SHA-256 of the files.
    pub row: Option<Hash>,
    /// The policy epoch under which it was decided.
    pub policy: u32,
    /// Commitment to the private part: SHA-256 of salt ‖ private part.
    pub commit: Hash,
}

/// Appends the head of a leaf, which the tail then closes. `time_ms` is Unix time in milliseconds.
pub fn encode_head(out: &mut Vec<u8>, time_ms: u64, controller: &Name, number: u64) {
    debug_assert!(time_ms < INTEGER_END && number < INTEGER_END);
    // Writing to a Vec cannot fail.
    let _ = write!(out, r#"{{"t":{time_ms},"controller":"{controller}","n":{number}"#);
}

impl Tail<'_> {
    /// The bytes that follow the head.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LEAF_BYTES_MAX - 64);
        member(&mut out, "action", self.action.as_str());
        optional(&mut out, "category", self.category.as_ref().map(Name::as_str));
        optional(&mut out, "purpose", self.purpose.as_ref().map(Name::as_str));
        match self.decision {
            Decision::Granted(rule) => member(&mut out, "granted", rule),
            Decision::Refused(code) => member(&mut out, "refused", code.as_str()),
            Decision::Failed(code) => member(&mut out, "failed", code.as_str()),
        }
        optional(&mut out, "app", self.app.as_ref().map(Name::as_str));
        bytes(&mut out, "actor", self.actor.as_ref().map(|a| &a.0[..]));
        bytes(&mut out, "subject", self.subject.as_ref().map(|a| &a.0[..]));
        if let Some(version) = self.version {
            let _ = write!(out, r#","version":{version}"#);
        }
        bytes(&mut out, "row", self.row.as_ref().map(|h| &h.as_bytes()[..]));
        let _ = write!(out, r#","policy":{}"#, self.policy);
        bytes(&mut out, "commit", Some(self.commit.as_bytes()));
        out.push(b'}');
        out
    }
}

/// Names and rules are drawn from an alphabet that JSON need not escape.
fn member(out: &mut Vec<u8>, name: &str, text: &str) {
    debug_assert!(text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\'));
    for part in [",\"", name, "\":\"", text, "\""] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn optional(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        member(out, name, text);
    }
}

fn bytes(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    let Some(value) = value else { return };
    for part in [",\"", name, "\":\""] {
        out.extend_from_slice(part.as_bytes());
    }
    let start = out.len();
    out.resize(start + BASE64URL_NOPAD.encode_len(value.len()), 0);
    BASE64URL_NOPAD.encode_mut(value, &mut out[start..]);
    out.push(b'"');
}

/// A leaf as its reader sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Unix time in milliseconds; never smaller than the leaf's before it.
    pub t: u64,
    /// Whose data it is about; `vault` where it is about nobody's.
    pub controller: Name,
    /// The controller's own number, without gaps, from 1.
    pub n: u64,
    /// What was done.
    pub action: Action,
    /// The category it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
    /// The purpose that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Name>,
    /// Permitted, by this rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<String>,
    /// Refused, with this code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Code>,
    /// Recorded, but not released, with this code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Code>,
    /// The application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Name>,
    /// The staff member's alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Alias>,
    /// The data subject's alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Alias>,
    /// The version of the record, or of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The hash of what was written or activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<Hash>,
    /// The policy epoch.
    pub policy: u32,
    /// The commitment to the private part.
    pub commit: Hash,
}

/// The bytes are no leaf. No detail: a damaged leaf is named by its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("these bytes are not a leaf")]
pub struct NotALeaf;

impl Leaf {
    /// Reads a leaf; strict: unknown or missing names, more than one decision, over-long and
    /// differently encoded bytes are refused.
    pub fn parse(bytes: &[u8]) -> Result<Leaf, NotALeaf> {
        if bytes.len() > LEAF_BYTES_MAX {
            return Err(NotALeaf);
        }
        let leaf: Leaf = serde_json::from_slice(bytes).map_err(|_| NotALeaf)?;
        if leaf.t >= INTEGER_END || leaf.n >= INTEGER_END || leaf.encode()? != bytes {
            return Err(NotALeaf);
        }
        Ok(leaf)
    }

    /// What was decided.
    pub fn decision(&self) -> Result<Decision<'_>, NotALeaf> {
        match (&self.granted, self.refused, self.failed) {
            (Some(rule), None, None) if is_rule(rule) => Ok(Decision::Granted(rule)),
            (None, Some(code), None) => Ok(Decision::Refused(code)),
            (None, None, Some(code)) => Ok(Decision::Failed(code)),
            _ => Err(NotALeaf),
        }
    }

    fn encode(&self) -> Result<Vec<u8>, NotALeaf> {
        let tail = Tail {
            action: self.action,
            category: self.category,
            purpose: self.purpose,
            decision: self.decision()?,
            app: self.app,
            actor: self.actor,
            subject: self.subject,
            version: self.version,
            row: self.row,
            policy: self.policy,
            commit: self.commit,
        };
        let mut out = Vec::with_capacity(LEAF_BYTES_MAX);
        encode_head(&mut out, self.t, &self.controller, self.n);
        out.extend_from_slice(&tail.encode());
        Ok(out)
    }
}

/// A rule is a name, with `+n` behind it where n further grants were needed.
fn is_rule(text: &str) -> bool {
    let (name, more) = text.split_once('+').unwrap_or((text, "1"));
    Name::new(name).is_ok() && more.len() <= 2 && more.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn longest() -> Tail<'static> {
        let name = Name::new(&"n".repeat(32)).unwrap();
        Tail {
            action: Action::SubjectsErase,
            category: Some(name),
            purpose: Some(name),
            decision: Decision::Granted("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn+63"),
            app: Some(name),
            actor: Some(Alias([0xff; 16])),
            subject: Some(Alias([0xff; 16])),
            version: Some(u32::MAX),
            row: Some(Hash::from_bytes([0xff; 32])),
            policy: u32::MAX,
            commit: Hash::from_bytes([0xff; 32]),
        }
    }

    fn encode(tail: &Tail<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let name = Name::new(&"n".repeat(32)).unwrap();
        encode_head(&mut out, 9_999_999_999_999, &name, INTEGER_END - 1);
        out.extend_from_slice(&tail.encode());
        out
    }

    #[test]
    fn the_longest_leaf_fits() {
        let bytes = encode(&longest());
        assert!(bytes.len() <= LEAF_BYTES_MAX, "{} bytes", bytes.len());
        Leaf::parse(&bytes).unwrap();
    }

    #[test]
    fn no_action_is_longer_than_the_longest() {
        assert!(Action::ALL.iter().all(|a| a.as_str().len() <= 14));
        assert!(Action::ALL.iter().all(|a| Action::from_text(a.as_str()) == Some(*a)));
    }

    #[test]
    fn a_leaf_is_read_as_it_was_written() {
        let tail = Tail { decision: Decision::Refused(Code::NotFound), version: None, row: None, ..longest() };
        let bytes = encode(&tail);
        let leaf = Leaf::parse(&bytes).unwrap();
        assert_eq!(leaf.encode().unwrap(), bytes);
        assert_eq!(leaf.refused, Some(Code::NotFound));
    }

    #[test]
    fn other_encodings_of_a_leaf_are_refused() {
        let bytes = encode(&longest());
        let text = String::from_utf8(bytes).unwrap();
        for other in [
            text.replace("\"t\":", "\"t\": "),
            text.replace("{\"t\"", "{\"x\":1,\"t\""),
            text.replace(",\"policy\"", ",\"refused\":\"busy\",\"policy\""),
            text.replacen("\"n\":9", "\"n\":09", 1),
            format!("{text} "),
        ] {
            assert_ne!(other, text);
            assert_eq!(Leaf::parse(other.as_bytes()), Err(NotALeaf), "{other}");
        }
    }
}
