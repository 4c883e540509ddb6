//! What a check of a stopped vault may learn of what is sealed: whether it opens, where it says that
//! it belongs, the hash that a leaf must name, and whether a card number stands in it. Never a value.
//!
//! The evidence is the [`Verifier`]: it is made from the root key, which a serving vault does not
//! keep, and nothing here takes the keyring that a vault serves with. What this file gives away, and
//! that `check` alone uses it, is held by `vault/tests/law` (docs/decisions/0010).

use coffer_keys::row::{self, Identity};
use coffer_keys::{Altered, KeyId, Plaintext, RootKey};
use coffer_wire::{Hash, Name};

use super::stored::{OpenKeys, Stored, Target};
use crate::cards;
use crate::keyring::record::RootRow;
use crate::keyring::{Keyring, Line, Survey, Voucher};
use crate::store::{Unread, View};

/// The keys of a stopped vault, open as far as they open.
pub struct Verifier {
    keyring: Keyring,
}

/// A row whose identity opened.
pub struct Verified {
    /// Where the row belongs.
    pub row_key: [u8; 32],
    /// SHA-256 of row salt ‖ row: what the leaf of its writing names.
    pub written: Hash,
    stored: Stored,
    keys: OpenKeys,
}

/// Whether the fields of a row open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fields {
    /// All of them.
    Open,
    /// All whose person was not erased. Of the others nobody can tell whether they were altered.
    SomeErased,
    /// One does not.
    Altered,
}

/// What a search for card numbers came to.
#[derive(Default)]
pub struct Searched {
    /// Fields that opened and were searched.
    pub fields: u64,
    /// Those in which a card number stands, by their numbers.
    pub cards: Vec<u16>,
}

impl Verifier {
    /// Opens what opens of the keys under the root key.
    pub fn open(rows: &[(KeyId, RootRow)], root: &RootKey) -> (Verifier, Survey) {
        let (keyring, survey) = Keyring::survey(rows, root);
        (Verifier { keyring }, survey)
    }

    /// What vouches for the erasure ledger, where the vault's own audit keys opened.
    pub fn voucher(&self) -> Option<Voucher> {
        self.keyring.voucher()
    }

    /// The keys of a category of a controller, where they opened.
    pub fn line(&self, controller: &Name, category: &Name) -> Option<&Line> {
        self.keyring.line(controller, category)
    }

    /// Opens the identity of a row. `Ok(Ok(None))`: its person's key is not there or is destroyed.
    pub fn row(
        &self,
        line: &Line,
        view: &View<'_>,
        bytes: Vec<u8>,
    ) -> Result<Result<Option<Verified>, Altered>, Unread> {
        let (controller, category) = (*line.controller(), *line.category());
        let unknown = Target { controller, category, person: String::new(), record: String::new() };
        Ok(match Stored::of(line, view, unknown, bytes)? {
            Ok(Some(stored)) => Verified::of(line, stored).map(Some),
            Ok(None) => Ok(None),
            Err(altered) => Err(altered),
        })
    }
}

impl Verified {
    fn of(line: &Line, mut stored: Stored) -> Result<Verified, Altered> {
        let keys = OpenKeys::of(line, &stored)?;
        let (controller, category) = (line.controller().as_str(), line.category().as_str());
        let identity: Identity = row::open_identity(&keys.own, controller, category, &stored.row)?;
        let written = Hash::from_bytes(row::hash(&identity.salt, &stored.bytes));
        stored.target.person.clone_from(&identity.person);
        stored.target.record.clone_from(&identity.record);
        Ok(Verified { row_key: stored.target.row_key(line), written, stored, keys })
    }

    /// The version that the row says.
    pub fn version(&self) -> u32 {
        self.stored.version()
    }

    /// Person and record, for a report that names them.
    pub fn ids(&self) -> (&str, &str) {
        (&self.stored.target.person, &self.stored.target.record)
    }

    /// Opens every field and drops it, which wipes it.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::Open;
        for at in 0..self.stored.row.fields.len() {
            match self.open(at) {
                Ok(Some(_)) => {}
                Ok(None) => fields = Fields::SomeErased,
                Err(Altered) => return Fields::Altered,
            }
        }
        fields
    }

    /// Opens every field, asks whether a card number stands in it, and drops it, which wipes it.
    pub fn search(&self) -> Searched {
        let mut searched = Searched::default();
        for (at, head) in self.stored.row.head.fields.iter().enumerate() {
            let Ok(Some(value)) = self.open(at) else { continue };
            searched.fields += 1;
            if holds_card(&value) {
                searched.cards.push(head.number);
            }
        }
        searched
    }

    /// One field; nothing where its person was erased.
    fn open(&self, at: usize) -> Result<Option<Plaintext>, Altered> {
        let (context, number) = self.stored.field_context(at)?;
        let sealed = self.stored.row.fields.get(at).ok_or(Altered)?;
        self.keys.by_number(number).map(|key| key.open(&context, sealed)).transpose()
    }
}

/// A value is text; what is none was not written by a vault, and holds no number that anybody could read.
fn holds_card(value: &Plaintext) -> bool {
    std::str::from_utf8(value.as_bytes()).is_ok_and(cards::found_in)
}
