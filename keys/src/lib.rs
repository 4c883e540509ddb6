//! All key material of Coffer, and everything that is done with a key.
//!
//! Callers hold key *ids* and key *objects*; the bytes of a key never leave this crate. The public story, top down:
//!
//! * A [`seal`] keeps the [`RootKey`]; the root opens [`CategoryKey`], [`LocatorKey`] and [`LogKey`]; a category key
//!   opens [`SubjectKey`] and [`AuditKey`]. `make_*` draws a key and returns it with its [`Wrapped`] form, `open_*` takes it back.
//! * [`SubjectKey::seal`] and [`SubjectKey::open`] turn a value into a sealed value and back, each bound to one [`Context`].
//! * [`row`] is the layout of a stored record: a clear head, a sealed identity, sealed fields.
//! * [`LocatorKey`] names rows, [`AuditKey::alias`] names people in the log, [`LogKey`] signs its checkpoints.
//!
//! Every byte of every format is drawn in `docs/FORMAT.md`.
//!
//! ```
//! use coffer_keys::row::{SUITE, value_context};
//! use coffer_keys::{KeyId, KeyKind, Place, keyfile};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("root.key");
//! let root = keyfile::create(&path)?;
//! let (category_id, subject_id) = (KeyId::random()?, KeyId::random()?);
//! let place = |kind, id, wrapped_by| Place { kind, controller: "oakvale", category: "bank", version: 1, id, wrapped_by };
//!
//! // The wrapped forms go into the store, the keys stay in memory.
//! let (category, _wrapped) = root.make_category(&place(KeyKind::Category, category_id, root.id()))?;
//! let (subject, wrapped) = category.make_subject(&place(KeyKind::Subject, subject_id, category_id))?;
//!
//! let context = value_context("oakvale", "bank", &subject_id, "T-1042", "mandate-1", 1, 1, SUITE);
//! let sealed = subject.seal(&context, b"12345678", 0)?;
//!
//! let subject = category.open_subject(&place(KeyKind::Subject, subject_id, category_id), &wrapped)?;
//! assert_eq!(subject.open(&context, &sealed)?.as_bytes(), b"12345678");
//! # Ok(())
//! # }
//! ```
//!
//! # What this crate promises
//!
//! * Opening has one error, [`Altered`]: another key, another context, one changed bit and a wrong length look the same.
//!   The plaintext does not exist before commitment and tag have both been verified.
//! * A sealed value commits to its key and its context (the commitment is compared before anything is decrypted), so no
//!   sealed value opens under two keys.
//! * Secret types have no `Debug`, `Clone`, `Eq` or serde; their memory is overwritten when they are dropped.
//!
//! # What it does not promise
//!
//! Copies that the compiler makes on the stack or in registers while a key is being set up are not tracked;
//! [`wipe_stack`] overwrites what a thread left below its stack pointer. Someone who can read the memory of a running, unsealed process reads its keys.
//!
//! # Sources
//!
//! HMAC: RFC 2104, FIPS 198-1. HKDF: RFC 5869. AES-GCM: NIST SP 800-38D. SHA-256: FIPS 180-4. Ed25519: RFC 8032. Padding: Nikitin, Barman,
//! Lueks, Underwood, Hubaux, Ford, "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PoPETs 2019 (Padmé).
//! The commitment follows the generic construction of a key-committing AEAD: Albertini, Duong, Gueron, Kölbl, Luykx,
//! Schmieg, "How to Abuse and Fix Authenticated Encryption Without Key Commitment", USENIX Security 2022.

mod aead;
mod audit;
mod category;
mod context;
mod errors;
mod file;
mod generation;
mod id;
pub mod keyfile;
mod locator;
mod log;
mod memory;
mod padding;
mod place;
mod prf;
mod random;
mod root;
pub mod row;
pub mod seal;
mod sealed;
mod subject;
mod wrapped;

pub use audit::AuditKey;
pub use category::CategoryKey;
pub use context::{Context, Label};
pub use errors::{Altered, NoRandomness, NotRewrapped, Unsealable};
pub use generation::{ARCHIVE_ID_BYTES, CHUNK_BYTES_MAX, Chunk, GenerationKey, VOUCHER_BYTES};
pub use id::{KEY_ID_BYTES, KeyId, MalformedKeyId};
pub use locator::{HALF_BYTES, LocatorKey, ROW_KEY_BYTES};
pub use log::LogKey;
pub use memory::{wipe_stack, wipe_whole_stack};
pub use padding::{VALUE_BYTES_MAX, sealed_len};
pub use place::{KeyKind, Place};
pub use random::random;
pub use root::RootKey;
pub use sealed::Plaintext;
pub use subject::SubjectKey;
pub use wrapped::{WRAPPED_BYTES, Wrapped};

#[cfg(test)]
mod tests;
