//! The states of a key under the root key, after NIST SP 800-57 part 1 revision 5, section 7, and the steps between them.
//!
//! ```text
//! pre-active ──▶ active ──▶ decrypt-only ──▶ destroyed
//!                                │                ▲
//!                                ▼                │
//!                           compromised ──────────┘
//! ```
//!
//! A key is pre-active from its making to the batch that puts it under the root key, and lies in no store. Each other step takes a
//! [`Held`] of the state before and gives one of the state behind it, so that a step which is not drawn here does not
//! compile:
//!
//! ```compile_fail,E0599
//! use coffer_vault::keyring::{Active, Held};
//! fn at_once(key: Held<Active>) {
//!     key.destroy();
//! }
//! ```
//!
//! nor one out of the state that has no end:
//!
//! ```compile_fail,E0599
//! use coffer_vault::keyring::{Destroyed, Held};
//! fn back(key: Held<Destroyed>) {
//!     key.retire();
//! }
//! ```

use std::marker::PhantomData;

use coffer_keys::{Altered, KeyId, WRAPPED_BYTES, Wrapped};

use super::Line;
use super::record::{RootRow, State};
use crate::store::{Batch, Family, Precondition};

/// Protects and opens.
pub enum Active {}
/// Opens only.
pub enum DecryptOnly {}
/// Opens only inside the job that moves data away from it.
pub enum Compromised {}
/// Gone: its wrapped bytes are overwritten.
pub enum Destroyed {}

/// A key under the root key whose state was read and vouched for, and is `S`.
pub struct Held<S> {
    id: KeyId,
    row: RootRow,
    read: Vec<u8>,
    state: PhantomData<S>,
}

/// A key in whichever state it is.
pub enum AnyHeld {
    /// Protects and opens.
    Active(Held<Active>),
    /// Opens only.
    DecryptOnly(Held<DecryptOnly>),
    /// Opens only inside a job.
    Compromised(Held<Compromised>),
    /// Gone.
    Destroyed(Held<Destroyed>),
}

impl AnyHeld {
    /// Takes up a row of this line as it was read. One whose tag is not this vault's counts as altered.
    pub fn of(line: &Line, id: KeyId, read: Vec<u8>) -> Result<AnyHeld, Altered> {
        let row = RootRow::decode(&read).ok_or(Altered)?;
        let is_of_line = row.controller == *line.controller() && row.category == *line.category();
        if !is_of_line || !row.is_vouched(&id, line.locator()) {
            return Err(Altered);
        }
        Ok(match row.state {
            State::Active => AnyHeld::Active(Held { id, row, read, state: PhantomData }),
            State::DecryptOnly => AnyHeld::DecryptOnly(Held { id, row, read, state: PhantomData }),
            State::Compromised => AnyHeld::Compromised(Held { id, row, read, state: PhantomData }),
            State::Destroyed => AnyHeld::Destroyed(Held { id, row, read, state: PhantomData }),
        })
    }
}

impl Held<Active> {
    /// The next version has taken its place: it opens what lies under it until that is moved.
    pub fn retire(self) -> Held<DecryptOnly> {
        self.step(State::DecryptOnly)
    }
}

impl Held<DecryptOnly> {
    /// Somebody may know it.
    pub fn compromise(self) -> Held<Compromised> {
        self.step(State::Compromised)
    }

    /// It ends, and with it whatever lies under it.
    pub fn destroy(self) -> Held<Destroyed> {
        self.end()
    }
}

impl Held<Compromised> {
    /// It ends, and with it whatever lies under it.
    pub fn destroy(self) -> Held<Destroyed> {
        self.end()
    }
}

impl<S> Held<S> {
    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Its version in its line.
    pub fn version(&self) -> u32 {
        self.row.version
    }

    /// Its state as it stands after the steps.
    pub fn state(&self) -> State {
        self.row.state
    }

    /// Puts the row as the steps have left it, on condition that it still is as it was read.
    pub fn write(mut self, line: &Line, batch: &mut Batch, needs: &mut Vec<Precondition>) {
        let key = RootRow::key(&self.id);
        needs.push(Precondition::unchanged(Family::Keys, key.clone(), Some(&self.read)));
        self.row.vouch(&self.id, line.locator());
        batch.put(Family::Keys, key, self.row.encode());
    }

    fn step<T>(mut self, to: State) -> Held<T> {
        self.row.state = to;
        Held { id: self.id, row: self.row, read: self.read, state: PhantomData }
    }

    fn end(mut self) -> Held<Destroyed> {
        self.row.wrapped = Wrapped::from_bytes([0; WRAPPED_BYTES]);
        self.step(State::Destroyed)
    }
}
