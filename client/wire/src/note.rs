//! Checkpoints of the log as signed notes, after C2SP tlog-checkpoint and signed-note.
//!
//! ```text
//! coffer.example/demo                            origin
//! 42                                             leaves
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=   root
//!
//! — coffer.example/demo ZmQ0…                    name, key id ‖ signature
//! ```
//!
//! The signature covers the lines above the empty one, line ends included. Lines by other names or
//! keys (witnesses) are passed over; a line by our name and key must verify.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::tree::{HASH_BYTES, Hash};

/// Bytes of a note, at most: a checkpoint with some dozens of witnesses is far below.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Signature lines of a note, at most.
pub const SIGNATURES_MAX: usize = 100;
/// Signature type of Ed25519 in signed-note.
const ED25519_TYPE: u8 = 1;
/// Bytes of a key id.
const KEY_ID_BYTES: usize = 4;
/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;
/// What begins a signature line: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// The log as it stood after a batch: which log, how many leaves, which root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name, for life.
    pub origin: String,
    /// Leaves in the tree.
    pub size: u64,
    /// RFC 6962 root of the tree.
    pub root: Hash,
}

/// Why a note or key is not to be trusted. Never holds what the note said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoteError {
    /// Not a C2SP signed note, or over a limit.
    #[error("this is not a signed note")]
    NotANote,
    /// Signed, but its text is not a checkpoint.
    #[error("this note is not a checkpoint")]
    NotACheckpoint,
    /// No line is by the key that was handed out for this log.
    #[error("the note is not signed by the log's key")]
    NotSigned,
    /// A line claims to be by the log's key and is not.
    #[error("the signature of the log's key is wrong")]
    WrongSignature,
    /// The checkpoint is of another log than its key.
    #[error("the checkpoint is of another log")]
    OtherLog,
    /// The checkpoint is of a log that was closed, and is not one that it had.
    #[error("the checkpoint is of a log that was closed before it had so many leaves, or with others")]
    Closed,
    /// Signed, but its text hands no log on.
    #[error("this note hands on no log")]
    NotAHandover,
}

/// The note of a checkpoint, as text, with its one signature by `key` over [`Checkpoint::body`].
pub fn assemble(checkpoint: &Checkpoint, key: &VerifierKey, signature: &[u8; SIGNATURE_BYTES]) -> String {
    signed(checkpoint.body(), [(key, signature)])
}

/// The note of a text that ends in a line end, with a signature over it by each key.
pub fn signed<'k>(
    text: String,
    signatures: impl IntoIterator<Item = (&'k VerifierKey, &'k [u8; SIGNATURE_BYTES])>,
) -> String {
    let mut note = text;
    note.push('\n');
    for (key, signature) in signatures {
        let mut bytes = [0; KEY_ID_BYTES + SIGNATURE_BYTES];
        bytes[..KEY_ID_BYTES].copy_from_slice(&key.id);
        bytes[KEY_ID_BYTES..].copy_from_slice(signature);
        note.push_str(SIGNATURE_MARK);
        note.push_str(&key.name);
        note.push(' ');
        BASE64.encode_append(&bytes, &mut note);
        note.push('\n');
    }
    note
}

/// Checks that `key` signed this note and that it is a checkpoint of that key's own log.
pub fn verify(note: &str, key: &VerifierKey) -> Result<Checkpoint, NoteError> {
    let checkpoint = Checkpoint::parse_body(signed_by(note, key)?)?;
    if checkpoint.origin == key.name { Ok(checkpoint) } else { Err(NoteError::OtherLog) }
}

/// The text of a note, whatever it says, if `key` signed it.
pub fn signed_by<'n>(note: &'n str, key: &VerifierKey) -> Result<&'n str, NoteError> {
    let (text, signatures) = split(note)?;
    let mut signed = false;
    for line in signatures.lines() {
        if let Some(signature) = signature_by(key, line)? {
            let public = UnparsedPublicKey::new(&ED25519, key.public);
            public.verify(text.as_bytes(), &signature).map_err(|_| NoteError::WrongSignature)?;
            signed = true;
        }
    }
    if signed { Ok(text) } else { Err(NoteError::NotSigned) }
}

/// Whether a note bears a signature that says it is by `key`. Whether it is right is not asked: that is dear, and
/// [`signed_by`] does it.
pub fn bears(note: &str, key: &VerifierKey) -> Result<bool, NoteError> {
    let (_, signatures) = split(note)?;
    signatures.lines().try_fold(false, |bears, line| Ok(bears | signature_by(key, line)?.is_some()))
}

/// Notes that stand one after the other with an empty line between them, the last perhaps with one behind it. `None`:
/// something else stands there.
pub fn in_a_row(text: &str) -> Option<Vec<&str>> {
    let (mut notes, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let signatures = rest.find("\n\n")? + 2;
        let end = rest[signatures..].find("\n\n").map_or(rest.len(), |end| signatures + end + 1);
        let note = rest.get(..end).filter(|note| text_of(note).is_ok())?;
        notes.push(note);
        rest = rest.get(end..)?.strip_prefix('\n').unwrap_or_default();
    }
    Some(notes)
}

/// The text of a note, whoever signed it.
pub fn text_of(note: &str) -> Result<&str, NoteError> {
    split(note).map(|(text, _)| text)
}

/// The text with its last line end, and the signature lines behind the empty line.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    let forbidden = |b: u8| b < b' ' && b != b'\n';
    if note.len() > NOTE_BYTES_MAX || note.bytes().any(forbidden) {
        return Err(NoteError::NotANote);
    }
    let empty = note.rfind("\n\n").ok_or(NoteError::NotANote)?;
    let (text, signatures) = (&note[..=empty], &note[empty + 2..]);
    let lines = signatures.bytes().filter(|b| *b == b'\n').count();
    let sound = signatures.ends_with('\n') && (1..=SIGNATURES_MAX).contains(&lines);
    if sound { Ok((text, signatures)) } else { Err(NoteError::NotANote) }
}

/// The signature of a line, where it is one by this key; `None` for another's.
fn signature_by(key: &VerifierKey, line: &str) -> Result<Option<[u8; SIGNATURE_BYTES]>, NoteError> {
    let line = line.strip_prefix(SIGNATURE_MARK).ok_or(NoteError::NotANote)?;
    let (name, encoded) = line.split_once(' ').ok_or(NoteError::NotANote)?;
    let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| NoteError::NotANote)?;
    let Some((id, signature)) = bytes.split_first_chunk::<KEY_ID_BYTES>() else { return Err(NoteError::NotANote) };
    if !is_key_name(name) || signature.is_empty() {
        return Err(NoteError::NotANote);
    }
    if name != key.name || *id != key.id {
        return Ok(None);
    }
    signature.try_into().map(Some).map_err(|_| NoteError::WrongSignature)
}

impl Checkpoint {
    /// The text that is signed.
    pub fn body(&self) -> String {
        let mut body = format!("{}\n{}\n", self.origin, self.size);
        BASE64.encode_append(self.root.as_bytes(), &mut body);
        body.push('\n');
        body
    }

    /// Reads the text that was signed. Extension lines are permitted and passed over.
    pub fn parse_body(text: &str) -> Result<Checkpoint, NoteError> {
        let text = text.strip_suffix('\n').ok_or(NoteError::NotACheckpoint)?;
        let mut lines = text.split('\n');
        let parsed = (|| {
            let origin = lines.next().filter(|line| !line.is_empty())?.to_owned();
            let size = decimal(lines.next()?)?;
            let root = BASE64.decode(lines.next()?.as_bytes()).ok()?;
            let root = Hash::from_bytes(<[u8; HASH_BYTES]>::try_from(root).ok()?);
            Some(Checkpoint { origin, size, root })
        })();
        match parsed {
            Some(checkpoint) if lines.all(|line| !line.is_empty()) => Ok(checkpoint),
            _ => Err(NoteError::NotACheckpoint),
        }
    }
}

/// An integer as C2SP writes it: ASCII digits without leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let sound = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if sound { text.parse().ok() } else { None }
}

/// The public key of a log, which its users are handed once and never learn from the log itself.
/// As text, and in JSON: the C2SP verifier key `name+hex id+base64(type ‖ key)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: String,
    id: [u8; KEY_ID_BYTES],
    public: [u8; 32],
}

/// The text is not a verifier key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a log key is written `name+hash+key` and its hash must match (C2SP signed-note)")]
pub struct VerifierKeyError;

impl VerifierKey {
    /// The key of this name (the log's origin: not empty, no spaces, no `+`) and these Ed25519 bytes.
    pub fn new(name: &str, public: [u8; 32]) -> Result<VerifierKey, VerifierKeyError> {
        if !is_key_name(name) {
            return Err(VerifierKeyError);
        }
        let id = key_id(name, &public);
        Ok(VerifierKey { name: name.to_owned(), id, public })
    }

    /// The name, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Ed25519 public key (RFC 8032).
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }
}

/// The first bytes of SHA-256(name ‖ newline ‖ type ‖ key), as signed-note recommends.
fn key_id(name: &str, public: &[u8; 32]) -> [u8; KEY_ID_BYTES] {
    let hash = Hash::sha256(&[name.as_bytes(), b"\n", &[ED25519_TYPE], public].concat());
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control())
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<VerifierKey, VerifierKeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError);
        };
        let bytes = BASE64.decode(key.as_bytes()).map_err(|_| VerifierKeyError)?;
        let [ED25519_TYPE, public @ ..] = bytes.as_slice() else { return Err(VerifierKeyError) };
        let key = VerifierKey::new(name, public.try_into().map_err(|_| VerifierKeyError)?)?;
        if HEXLOWER.encode(&key.id) == id { Ok(key) } else { Err(VerifierKeyError) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ED25519_TYPE];
        bytes.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&bytes))
    }
}

impl Serialize for VerifierKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VerifierKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<VerifierKey, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
