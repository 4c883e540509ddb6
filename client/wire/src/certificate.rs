//! Certificates: what a vault states about the end of keys or of data, for those who were promised it, checked with the
//! log's public key and nothing else.
//!
//! ```text
//! coffer-certificate/1
//! {"kind":"erasure","origin":"coffer.example/demo", … }
//!
//! — coffer.example/demo ZmQ0…
//! ```
//!
//! A C2SP signed note. Its first line keeps it apart from all else that the log's key signs: no checkpoint has it. The
//! second is JSON from the one encoder below. It holds the leaf that it is about with its inclusion proof under a signed
//! checkpoint, so that what it states is held against the log itself. docs/LOG.md describes each name.

use serde::{Deserialize, Serialize};

use crate::Hash;
use crate::leaf::{INTEGER_END, Leaf};
use crate::name::{Name, VAULT};
use crate::note::{self, Checkpoint, NoteError, VerifierKey};
use crate::private::{Private, SALT_BYTES, commitment};
use crate::succession::Trust;
use crate::tree::{leaf_hash, verify_inclusion};

/// What its first line says.
const FORMAT: &str = "coffer-certificate/1\n";
/// Keys that one certificate names, at most; it counts all.
pub const KEYS_MAX: usize = 512;
/// Bytes of an origin or of a key's id, at most.
const TEXT_BYTES_MAX: usize = 128;

/// What came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Kind {
    /// Data was moved away from a version of a key.
    Rotation,
    /// A version of a category's key, or a key of the log, was destroyed.
    Destruction,
    /// Keys of a person were destroyed, and with them what lies under them.
    Erasure,
    /// The generation key of archives was destroyed, and with it those archives.
    Generation,
}

impl Kind {
    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Rotation => "rotation",
            Kind::Destruction => "destruction",
            Kind::Erasure => "erasure",
            Kind::Generation => "generation",
        }
    }

    /// The acts whose leaves one of this kind may be about.
    pub fn actions(self) -> &'static [&'static str] {
        match self {
            Kind::Rotation => &["keys.rotate", "keys.rewrap", "keys.reseal"],
            Kind::Destruction => &["keys.destroy", "keys.shred"],
            Kind::Erasure => &["records.erase", "subjects.erase"],
            Kind::Generation => &["backup.end"],
        }
    }
}

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum State {
    /// The vault refuses: the key is unusable, and its wrapped bytes may still lie in the store's files.
    Refused,
    /// The wrapped bytes are in no file of the store any more, as the leaf under `last` says.
    Destroyed,
}

impl State {
    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Refused => "refused",
            State::Destroyed => "destroyed",
        }
    }
}

/// What the log's key vouches for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// What came to its end.
    pub kind: Kind,
    /// The log.
    pub origin: String,
    /// Whose data it was; `vault` where it is nobody's.
    pub controller: Name,
    /// The category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Name>,
    /// The keys, or none where they are more than [`KEYS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// How many keys.
    pub key_count: u64,
    /// How many records went with them; of a category key, how many keys of persons went with it or were moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_count: Option<u64>,
    /// When it began, Unix time in milliseconds: the time of the leaf under `act`, or before it.
    pub from_ms: u64,
    /// When it was done, Unix time in milliseconds: the time of the leaf under `last`, or of `act` where there is none.
    pub to_ms: u64,
    /// How far it has come.
    pub state: State,
    /// Copies outside the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archives: Option<Archives>,
    /// Of a key of the log: what took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextKey>,
    /// The leaf of the act.
    pub act: Proved,
    /// The leaf that says that no byte is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Proved>,
    /// The checkpoint under which both stand, a signed note.
    pub checkpoint: String,
    /// When this was issued, Unix time in milliseconds.
    pub issued_ms: u64,
}

/// A key that has ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its id, 22 characters.
    pub id: String,
    /// Its version, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// The key of the log that took the place of one that ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextKey {
    /// The key, as those know it who verify with it.
    pub key: VerifierKey,
    /// Its version.
    pub version: u32,
    /// The leaf `log.rekey` that names it: from then on both signed.
    pub made: Proved,
}

/// It holds for archives too, unless a further copy of this generation's key exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archives {
    /// The newest generation whose archives may hold the keys.
    pub generation: u64,
    /// When that generation's key ends, Unix time in milliseconds: from then on no archive opens.
    pub final_ms: u64,
}

/// A leaf that stands in the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proved {
    /// Its index.
    pub index: u64,
    /// Its bytes.
    pub leaf: String,
    /// Their hash in the tree.
    pub leaf_hash: Hash,
    /// The inclusion proof (RFC 6962, section 2.1.1) under the certificate's checkpoint.
    pub inclusion: Vec<Hash>,
    /// The private part, where it is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
}

/// A private part and the salt of its commitment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The salt.
    pub salt: Hash,
    /// The private part, as it was committed to.
    pub private: String,
}

/// What of a certificate does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateError {
    /// The note.
    #[error("its signature does not hold: {0}")]
    Signature(#[source] NoteError),
    /// It is a note of another kind, or not as the one encoder writes it.
    #[error("it is signed, and is no certificate that this program can read")]
    Form,
    /// The checkpoint inside.
    #[error("the checkpoint in it does not hold: {0}")]
    Checkpoint(#[source] NoteError),
    /// The leaf's bytes.
    #[error("the leaf under `{0}` is no leaf, or does not have the hash beside it")]
    Leaf(&'static str),
    /// The inclusion proof.
    #[error("the leaf under `{0}` does not stand in the log of the checkpoint")]
    Inclusion(&'static str),
    /// The private part shown.
    #[error("the private part under `{0}` is not the one that its leaf commits to")]
    Private(&'static str),
    /// What it states is not what its leaves say.
    #[error("its `{0}` does not agree with the leaves in it")]
    Field(&'static str),
}

impl CertificateError {
    /// Which check failed, as a stable word.
    pub fn check(&self) -> &'static str {
        match self {
            CertificateError::Signature(_) => "signature",
            CertificateError::Form => "form",
            CertificateError::Checkpoint(_) => "checkpoint",
            CertificateError::Leaf(_) => "leaf",
            CertificateError::Inclusion(_) => "inclusion",
            CertificateError::Private(_) => "private",
            CertificateError::Field(_) => "fields",
        }
    }
}

impl Certificate {
    /// The text that the log's key signs. Never of more bytes than a note may have, given at most [`KEYS_MAX`] keys.
    pub fn body(&self) -> String {
        // Plain data with text keys: its encoding cannot fail.
        format!("{FORMAT}{}\n", serde_json::to_string(self).unwrap_or_default())
    }

    /// The certificate with its one signature by `key` over [`Certificate::body`].
    pub fn assemble(&self, key: &VerifierKey, signature: &[u8; 64]) -> String {
        note::signed(self.body(), [(key, signature)])
    }

    /// Reads the text that was signed; strict: whatever this encoder would have written otherwise is refused.
    pub fn parse_body(text: &str) -> Result<Certificate, CertificateError> {
        let json = text.strip_prefix(FORMAT).and_then(|rest| rest.strip_suffix('\n')).ok_or(CertificateError::Form)?;
        let certificate: Certificate = serde_json::from_str(json).map_err(|_| CertificateError::Form)?;
        let short = |text: &str| text.len() <= TEXT_BYTES_MAX;
        let sound = certificate.keys.len() <= KEYS_MAX
            && short(&certificate.origin)
            && certificate.keys.iter().all(|key| short(&key.id))
            && certificate.numbers().all(|number| number < INTEGER_END);
        if sound && certificate.body() == text { Ok(certificate) } else { Err(CertificateError::Form) }
    }

    /// Checks all of it offline: the signature; the checkpoint inside, by the same key; that the leaves stand under it;
    /// and that what is stated is what they say.
    pub fn verify(text: &str, key: &VerifierKey) -> Result<(Certificate, Checkpoint), CertificateError> {
        let body = note::signed_by(text, key).map_err(CertificateError::Signature)?;
        let certificate = Certificate::parse_body(body)?;
        let checkpoint = note::verify(&certificate.checkpoint, key).map_err(CertificateError::Checkpoint)?;
        certificate.hold(&checkpoint)?;
        Ok((certificate, checkpoint))
    }

    /// The same for whoever trusts a key of the log, by the notes to which it leads: signed by any of its keys, under a
    /// checkpoint that counts, so that a key which had handed on already certifies nothing more.
    pub fn verify_by(text: &str, trust: &Trust) -> Result<(Certificate, Checkpoint), CertificateError> {
        let by_any = trust.keys().map(|key| Certificate::verify(text, key));
        let not_its = |result: &Result<_, _>| matches!(result, Err(CertificateError::Signature(NoteError::NotSigned)));
        let unsigned = Err(CertificateError::Signature(NoteError::NotSigned));
        let (certificate, checkpoint) = by_any.into_iter().find(|result| !not_its(result)).unwrap_or(unsigned)?;
        trust.verify(&certificate.checkpoint).map_err(CertificateError::Checkpoint)?;
        Ok((certificate, checkpoint))
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let archives = self.archives.map_or([0, 0], |archives| [archives.generation, archives.final_ms]);
        let last = self.last.as_ref().map_or(0, |last| last.index);
        let next = self.next.as_ref().map_or(0, |next| next.made.index);
        let own = [self.key_count, self.record_count.unwrap_or(0), self.from_ms, self.to_ms, self.issued_ms];
        own.into_iter().chain(archives).chain([self.act.index, last, next])
    }

    fn hold(&self, checkpoint: &Checkpoint) -> Result<(), CertificateError> {
        let wrong = |field| Err(CertificateError::Field(field));
        let act = self.act.hold("act", checkpoint)?;
        let last = self.last.as_ref().map(|last| last.hold("last", checkpoint)).transpose()?;
        let done_ms = last.as_ref().map_or(act.t, |last| last.t);
        let named = self.keys.len() as u64;
        match () {
            () if self.origin != checkpoint.origin => wrong("origin"),
            () if act.granted.is_none() || !self.kind.actions().contains(&act.action.as_str()) => wrong("kind"),
            () if act.controller != self.controller => wrong("controller"),
            () if act.category != self.category => wrong("category"),
            () if named != self.key_count && !(named == 0 && self.key_count > KEYS_MAX as u64) => wrong("key_count"),
            () if self.from_ms > act.t => wrong("from_ms"),
            () if self.is_counted(&act) && self.act.moved() != self.record_count => wrong("record_count"),
            () if self.to_ms != done_ms => wrong("to_ms"),
            () if self.issued_ms < self.to_ms => wrong("issued_ms"),
            () => self.ended(last.as_ref()).and_then(|()| self.log_key(&act, checkpoint)),
        }
    }

    /// A key of the log is of no category. Its leaf shows which key it was; the leaf of the key that took its place names that
    /// one by the hash of its text, and is where both began to sign.
    fn log_key(&self, act: &Leaf, checkpoint: &Checkpoint) -> Result<(), CertificateError> {
        let wrong = |field| Err(CertificateError::Field(field));
        if self.kind != Kind::Destruction || self.category.is_some() {
            return if self.next.is_none() { Ok(()) } else { wrong("next") };
        }
        let named = |key: &Key| Some(vec![key.id.clone()]) == self.act.destroyed() && key.version == act.version;
        if self.controller != VAULT || !matches!(&self.keys[..], [key] if named(key)) {
            return wrong("keys");
        }
        let Some(next) = &self.next else { return Ok(()) };
        let made = next.made.hold("next", checkpoint)?;
        let is_next = act.version.is_some_and(|version| version.checked_add(1) == Some(next.version));
        let says = made.action.as_str() == "log.rekey" && made.granted.is_some() && made.version == Some(next.version);
        let names = made.row == Some(Hash::sha256(next.key.to_string().as_bytes()));
        match () {
            () if !(is_next && says && names && next.made.index < self.act.index) => wrong("next"),
            () if self.from_ms != made.t => wrong("from_ms"),
            () => Ok(()),
        }
    }

    /// The end of a job says how many keys it has moved.
    fn is_counted(&self, act: &Leaf) -> bool {
        self.kind == Kind::Rotation && matches!(act.action.as_str(), "keys.rewrap" | "keys.reseal")
    }

    /// `destroyed` needs the leaf that says so, behind the act and for keys that ended before it. A generation's key lies in
    /// no store: its act alone removes its files.
    fn ended(&self, last: Option<&Leaf>) -> Result<(), CertificateError> {
        let wrong = Err(CertificateError::Field("state"));
        let (Some(last), Some(proved)) = (last, &self.last) else {
            let destroyed = self.kind == Kind::Generation;
            return if (self.state == State::Destroyed) == destroyed { Ok(()) } else { wrong };
        };
        let before = proved.shown.as_ref().and_then(|shown| shown.private().ok()?.before);
        let says = last.action.as_str() == "erased.final" && last.granted.is_some();
        let covers = proved.index > self.act.index && before.is_some_and(|before| before > self.act.index);
        if self.state == State::Destroyed && says && covers { Ok(()) } else { wrong }
    }
}

impl Proved {
    /// How many keys were moved, as the private part says that is shown.
    fn moved(&self) -> Option<u64> {
        self.shown.as_ref()?.private().ok()?.moved
    }

    /// The keys that ended, as the private part says that is shown.
    fn destroyed(&self) -> Option<Vec<String>> {
        Some(self.shown.as_ref()?.private().ok()?.destroyed)
    }

    fn hold(&self, place: &'static str, checkpoint: &Checkpoint) -> Result<Leaf, CertificateError> {
        let bytes = self.leaf.as_bytes();
        let leaf = Leaf::parse(bytes).map_err(|_| CertificateError::Leaf(place))?;
        if leaf_hash(bytes) != self.leaf_hash {
            return Err(CertificateError::Leaf(place));
        }
        let Checkpoint { size, root, .. } = checkpoint;
        if !verify_inclusion(&self.leaf_hash, self.index, *size, &self.inclusion, root) {
            return Err(CertificateError::Inclusion(place));
        }
        match &self.shown {
            Some(shown) if !shown.is_of(&leaf) => Err(CertificateError::Private(place)),
            _ => Ok(leaf),
        }
    }
}

impl Shown {
    fn is_of(&self, leaf: &Leaf) -> bool {
        let salt: &[u8; SALT_BYTES] = self.salt.as_bytes();
        commitment(salt, self.private.as_bytes()) == leaf.commit && self.private().is_ok()
    }

    fn private(&self) -> Result<Private, serde_json::Error> {
        serde_json::from_str(&self.private)
    }
}
