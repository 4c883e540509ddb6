//! The keys that sign the log: the one that counts, and those before it that are still there.

use coffer_keys::{KeyId, LogKey};

use super::KeyringError;
use super::record::State;

/// A key that signs the log, or did.
pub struct OwnLogKey {
    /// The key's id.
    pub id: KeyId,
    /// From 1.
    pub version: u32,
    /// [`State::Active`] signs; one that is [`State::DecryptOnly`] signs beside it until its time is over.
    pub state: State,
    /// The key.
    pub key: LogKey,
}

/// All of them that are not destroyed.
pub struct LogKeys {
    /// The one that counts.
    pub present: OwnLogKey,
    /// Those before it, the newest first.
    pub earlier: Vec<OwnLogKey>,
}

impl LogKeys {
    /// A key that is alone.
    pub fn new(id: KeyId, version: u32, key: LogKey) -> LogKeys {
        LogKeys { present: OwnLogKey { id, version, state: State::Active, key }, earlier: Vec::new() }
    }

    pub(super) fn of(mut all: Vec<OwnLogKey>) -> Result<LogKeys, KeyringError> {
        all.sort_by_key(|own| std::cmp::Reverse(own.version));
        let active = all.iter().position(|own| own.state == State::Active);
        let present = all.remove(active.ok_or(KeyringError::Missing("log signing"))?);
        Ok(LogKeys { present, earlier: all })
    }

    /// The public halves of all, the present one's first.
    pub fn public(&self) -> impl Iterator<Item = [u8; 32]> + '_ {
        std::iter::once(&self.present).chain(&self.earlier).map(|own| own.key.public())
    }
}
