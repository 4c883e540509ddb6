use sha2::{Digest, Sha256};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::aead;
use crate::context::{Context, Label};
use crate::id::KeyId;
use crate::row::head::Head;
use crate::row::layout::{Reader, Row};
use crate::subject::SubjectKey;
use crate::{Altered, Unsealable};

/// Length of the row salt in bytes.
pub const SALT_BYTES: usize = 32;

/// Identities of up to this many bytes have one size, so that the length of ids does not show: the salt, a length and two ids of 45 bytes.
const IDENTITY_BYTES_FLOOR: usize = 124;

/// Whose row it is. Overwritten on drop; has no `Debug`.
#[derive(ZeroizeOnDrop)]
pub struct Identity {
    pub person: String,
    pub record: String,
    /// Of [`crate::row::hash`]; drawn anew for each version of the row.
    pub salt: [u8; SALT_BYTES],
}

impl Identity {
    pub fn new(person: impl Into<String>, record: impl Into<String>, salt: [u8; SALT_BYTES]) -> Self {
        Self { person: person.into(), record: record.into(), salt }
    }

    /// salt ‖ length of person (2) ‖ person ‖ record.
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let person_len = u16::try_from(self.person.len()).map_err(|_| Unsealable::TooLarge)?;
        let size = SALT_BYTES + 2 + self.person.len() + self.record.len();
        let mut plain = Zeroizing::new(Vec::with_capacity(size));
        plain.extend_from_slice(&self.salt);
        plain.extend_from_slice(&person_len.to_be_bytes());
        plain.extend_from_slice(self.person.as_bytes());
        plain.extend_from_slice(self.record.as_bytes());
        Ok(plain)
    }

    fn decode(plain: &[u8]) -> Result<Self, Altered> {
        let mut reader = Reader(plain);
        let salt = reader.array()?;
        let person_len = u16::from_be_bytes(reader.array()?);
        let person = text(reader.bytes(usize::from(person_len))?)?;
        Ok(Self { person, record: text(reader.0)?, salt })
    }
}

/// Seals a row's identity, last of all: its context holds the head and the commitments of all `fields`, which are sealed already, in the order of the head.
///
/// `key` is the own person's subject key, the first of the head.
///
/// # Errors
/// [`Unsealable::MalformedHead`] for a head that breaks its rules or does not match `fields`; else as [`SubjectKey::seal`].
pub fn seal_identity(
    key: &SubjectKey,
    controller: &str,
    category: &str,
    head: &Head,
    fields: &[Vec<u8>],
    identity: &Identity,
) -> Result<Vec<u8>, Unsealable> {
    let context = writable_context(controller, category, head, fields)?;
    key.seal(&context, &identity.encode()?, IDENTITY_BYTES_FLOOR)
}

/// Opens a row's identity, before anything else of the row. `key` is the own person's subject key, the first of the head.
///
/// # Errors
/// [`Altered`] when key, controller, category, head or any field is not what it was when the identity was sealed.
pub fn open_identity(key: &SubjectKey, controller: &str, category: &str, row: &Row) -> Result<Identity, Altered> {
    let context = context(controller, category, &row.head, &row.fields)?;
    Identity::decode(key.open(&context, &row.identity)?.as_bytes())
}

/// [`seal_identity`] with a chosen salt, for the golden vectors.
#[cfg(test)]
pub(crate) fn seal_identity_with_salt(
    key: &SubjectKey,
    salt: &[u8; aead::SALT_BYTES],
    (controller, category): (&str, &str),
    head: &Head,
    fields: &[Vec<u8>],
    identity: &Identity,
) -> Result<Vec<u8>, Unsealable> {
    let context = writable_context(controller, category, head, fields)?;
    crate::sealed::seal_with_salt(key.prf(), salt, &context, &identity.encode()?, IDENTITY_BYTES_FLOOR)
}

fn writable_context(controller: &str, category: &str, head: &Head, fields: &[Vec<u8>]) -> Result<Context, Unsealable> {
    context(controller, category, head, fields).map_err(|_| Unsealable::MalformedHead)
}

/// Label, controller, category, own key, SHA-256(head ‖ commitments). The head says how many commitments follow, so the
/// hash needs no lengths.
fn context(controller: &str, category: &str, head: &Head, fields: &[Vec<u8>]) -> Result<Context, Altered> {
    if !head.is_well_formed() || head.fields.len() != fields.len() {
        return Err(Altered);
    }
    let own: &KeyId = head.own_key().ok_or(Altered)?;
    Ok(Context::new(Label::Row).text(controller).text(category).part(own.as_bytes()).part(&binding(head, fields)?))
}

fn binding(head: &Head, fields: &[Vec<u8>]) -> Result<[u8; 32], Altered> {
    let mut clear = Vec::new();
    head.write(&mut clear);
    let mut hash = Sha256::new_with_prefix(&clear);
    for field in fields {
        hash.update(aead::commitment(field)?);
    }
    Ok(hash.finalize().into())
}

fn text(bytes: &[u8]) -> Result<String, Altered> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Altered)
}
