use ed25519_dalek::{Signer, SigningKey};

use crate::place::KeyKind;
use crate::prf::KEY_BYTES;
use crate::wrapped::Kept;

/// Signs the checkpoints of the log: Ed25519, RFC 8032. The wrapped 32 bytes are the seed (there: the private key).
pub struct LogKey(Box<SigningKey>);

impl LogKey {
    /// Deterministic: one message, one signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// The public key, as verifiers pin it.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl Kept for LogKey {
    const KIND: KeyKind = KeyKind::Log;

    fn from_raw(raw: &[u8; KEY_BYTES]) -> Self {
        Self(Box::new(SigningKey::from_bytes(raw)))
    }
}
