//! How wrapped keys lie in the store. docs/FORMAT.md draws every byte.
//!
//! Each kind of row begins its key with a letter: `R` keys under the root key, `S` keys of persons,
//! `P` which keys a person has, `A` audit keys of persons and staff.

use coffer_keys::{Context, KeyId, Label, LocatorKey, Wrapped};
use coffer_wire::Name;
use subtle::ConstantTimeEq;

/// The format of every row here.
const FORMAT: u8 = 1;
/// Bytes of a tag that authenticates an index row.
pub(super) const TAG_BYTES: usize = 16;

/// The state of a key, after NIST SP 800-57 part 1, §7, as it is stored. The steps between them are in `state.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Protects and opens.
    Active,
    /// Opens only.
    DecryptOnly,
    /// Gone: the row is a tombstone.
    Destroyed,
    /// Opens only inside the job that moves data away from it.
    Compromised,
}

impl State {
    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Active => "active",
            State::DecryptOnly => "decrypt-only",
            State::Destroyed => "destroyed",
            State::Compromised => "compromised",
        }
    }

    fn code(self) -> u8 {
        match self {
            State::Active => 1,
            State::DecryptOnly => 2,
            State::Destroyed => 3,
            State::Compromised => 4,
        }
    }

    fn of(code: u8) -> Option<State> {
        [State::Active, State::DecryptOnly, State::Destroyed, State::Compromised].into_iter().find(|s| s.code() == code)
    }
}

/// What a key under the root key is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Use {
    /// Wraps the subject keys of a category (or, of the audit category, audit keys).
    Category,
    /// Makes row keys.
    Locator,
    /// Signs the log.
    Log,
}

impl Use {
    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Use::Category => "category",
            Use::Locator => "locator",
            Use::Log => "log",
        }
    }

    fn code(self) -> u8 {
        match self {
            Use::Category => 1,
            Use::Locator => 2,
            Use::Log => 3,
        }
    }

    fn of(code: u8) -> Option<Use> {
        [Use::Category, Use::Locator, Use::Log].into_iter().find(|u| u.code() == code)
    }
}

/// A key under the root key: `R ‖ id`.
pub struct RootRow {
    pub usage: Use,
    pub state: State,
    pub version: u32,
    /// Of a locator key: below which version of the line's category key nothing opens. Else 0.
    pub floor: u32,
    pub created_ms: u64,
    pub controller: Name,
    pub category: Name,
    pub wrapped_by: KeyId,
    pub wrapped: Wrapped,
    /// Vouches for all but the last two, which are bound by the wrapping itself.
    pub tag: [u8; TAG_BYTES],
}

impl RootRow {
    /// Where all of them begin.
    pub const PREFIX: &'static [u8] = b"R";

    pub fn key(id: &KeyId) -> Vec<u8> {
        lettered(b'R', id.as_bytes())
    }

    pub fn id(key: &[u8]) -> Option<KeyId> {
        Some(KeyId::from_bytes(key.strip_prefix(RootRow::PREFIX)?.try_into().ok()?))
    }

    /// How the row of a category key begins that is in this state.
    pub(super) fn category_in(state: State) -> Vec<u8> {
        vec![FORMAT, Use::Category.code(), state.code()]
    }

    /// Makes the tag anew. `locator`: the locator key of the key's line; of the log key, that of the vault's audit line.
    pub fn vouch(&mut self, id: &KeyId, locator: &LocatorKey) {
        self.tag = locator.tag(&self.vouched(id));
    }

    /// Whether the tag is one that this vault made: whoever writes to the disk must not say which key opens what.
    pub fn is_vouched(&self, id: &KeyId, locator: &LocatorKey) -> bool {
        locator.tag(&self.vouched(id)).ct_eq(&self.tag).into()
    }

    fn vouched(&self, id: &KeyId) -> Context {
        Context::new(Label::Index)
            .text("key")
            .part(id.as_bytes())
            .part(&[self.usage.code(), self.state.code()])
            .number(self.version.into())
            .number(self.floor.into())
            .number(self.created_ms)
            .text(self.controller.as_str())
            .text(self.category.as_str())
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT, self.usage.code(), self.state.code()];
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.floor.to_be_bytes());
        out.extend_from_slice(&self.created_ms.to_be_bytes());
        for name in [&self.controller, &self.category] {
            out.push(name.as_str().len() as u8);
            out.extend_from_slice(name.as_str().as_bytes());
        }
        out.extend_from_slice(self.wrapped_by.as_bytes());
        out.extend_from_slice(self.wrapped.as_bytes());
        out.extend_from_slice(&self.tag);
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<RootRow> {
        let mut at = Cursor(bytes);
        at.format()?;
        let row = RootRow {
            usage: Use::of(at.byte()?)?,
            state: State::of(at.byte()?)?,
            version: u32::from_be_bytes(at.array()?),
            floor: u32::from_be_bytes(at.array()?),
            created_ms: u64::from_be_bytes(at.array()?),
            controller: at.name()?,
            category: at.name()?,
            wrapped_by: KeyId::from_bytes(at.array()?),
            wrapped: Wrapped::from_bytes(at.array()?),
            tag: at.array()?,
        };
        at.0.is_empty().then_some(row)
    }
}

/// A key of a person in a category, or its tombstone: `S ‖ id`.
pub enum SubjectRow {
    Living { wrapped_by: KeyId, index: [u8; 32], wrapped: Wrapped },
    Destroyed { at: u64 },
}

impl SubjectRow {
    /// Where all of them begin.
    pub const PREFIX: &'static [u8] = b"S";

    pub fn key(id: &KeyId) -> Vec<u8> {
        lettered(b'S', id.as_bytes())
    }

    pub fn id(key: &[u8]) -> Option<KeyId> {
        Some(KeyId::from_bytes(key.strip_prefix(SubjectRow::PREFIX)?.try_into().ok()?))
    }

    /// How the row of a living key begins.
    pub(super) fn living() -> Vec<u8> {
        vec![FORMAT, State::Active.code()]
    }

    pub fn encode(&self) -> Vec<u8> {
        match self {
            SubjectRow::Living { wrapped_by, index, wrapped } => {
                let mut out = vec![FORMAT, State::Active.code()];
                out.extend_from_slice(wrapped_by.as_bytes());
                out.extend_from_slice(index);
                out.extend_from_slice(wrapped.as_bytes());
                out
            }
            SubjectRow::Destroyed { at } => {
                let mut out = vec![FORMAT, State::Destroyed.code()];
                out.extend_from_slice(&at.to_be_bytes());
                out
            }
        }
    }

    pub fn decode(bytes: &[u8]) -> Option<SubjectRow> {
        let mut at = Cursor(bytes);
        at.format()?;
        let row = match State::of(at.byte()?)? {
            State::Active => SubjectRow::Living {
                wrapped_by: KeyId::from_bytes(at.array()?),
                index: at.array()?,
                wrapped: Wrapped::from_bytes(at.array()?),
            },
            State::Destroyed => SubjectRow::Destroyed { at: u64::from_be_bytes(at.array()?) },
            _ => return None,
        };
        at.0.is_empty().then_some(row)
    }
}

/// Which key a person has in a category, or in one record of somebody else: `P ‖ index`.
pub struct IndexRow {
    pub id: KeyId,
    pub tag: [u8; TAG_BYTES],
}

impl IndexRow {
    /// The store's key, of a whole index or of the person's half of it.
    pub fn key(index: &[u8]) -> Vec<u8> {
        lettered(b'P', index)
    }

    /// Where all of them begin.
    pub const PREFIX: &'static [u8] = b"P";

    pub fn encode(&self) -> Vec<u8> {
        [&self.id.as_bytes()[..], &self.tag].concat()
    }

    pub fn decode(bytes: &[u8]) -> Option<IndexRow> {
        let mut at = Cursor(bytes);
        let row = IndexRow { id: KeyId::from_bytes(at.array()?), tag: at.array()? };
        at.0.is_empty().then_some(row)
    }
}

/// The keys in whose place a key of a person came, oldest first: `F ‖ id`. They are in no store any more, but in archives: whoever
/// ends the key ends them too.
pub struct FormerRow {
    pub ids: Vec<KeyId>,
    pub tag: [u8; TAG_BYTES],
}

impl FormerRow {
    /// Where all of them begin.
    pub const PREFIX: &'static [u8] = b"F";

    pub fn key(id: &KeyId) -> Vec<u8> {
        lettered(b'F', id.as_bytes())
    }

    pub fn id(key: &[u8]) -> Option<KeyId> {
        Some(KeyId::from_bytes(key.strip_prefix(FormerRow::PREFIX)?.try_into().ok()?))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend_from_slice(&self.tag);
        self.ids.iter().for_each(|id| out.extend_from_slice(id.as_bytes()));
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<FormerRow> {
        let mut at = Cursor(bytes);
        at.format()?;
        let (tag, mut ids) = (at.array()?, Vec::new());
        while !at.0.is_empty() {
            ids.push(KeyId::from_bytes(at.array()?));
        }
        (!ids.is_empty()).then_some(FormerRow { ids, tag })
    }
}

/// An audit key: `A ‖ locator`.
pub struct AuditRow {
    pub id: KeyId,
    pub wrapped_by: KeyId,
    pub tag: [u8; TAG_BYTES],
    pub wrapped: Wrapped,
}

impl AuditRow {
    /// Where all of them begin.
    pub const PREFIX: &'static [u8] = b"A";

    pub fn key(locator: &[u8; 16]) -> Vec<u8> {
        lettered(b'A', locator)
    }

    /// How every row begins.
    pub(super) fn any() -> Vec<u8> {
        vec![FORMAT]
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(self.wrapped_by.as_bytes());
        out.extend_from_slice(&self.tag);
        out.extend_from_slice(self.wrapped.as_bytes());
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<AuditRow> {
        let mut at = Cursor(bytes);
        at.format()?;
        let row = AuditRow {
            id: KeyId::from_bytes(at.array()?),
            wrapped_by: KeyId::from_bytes(at.array()?),
            tag: at.array()?,
            wrapped: Wrapped::from_bytes(at.array()?),
        };
        at.0.is_empty().then_some(row)
    }
}

fn lettered(letter: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(letter);
    key.extend_from_slice(rest);
    key
}

/// Reads a row from its start. Every step may find that the bytes end.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn name(&mut self) -> Option<Name> {
        let len = usize::from(self.byte()?);
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Name::new(std::str::from_utf8(head).ok()?).ok()
    }

    fn format(&mut self) -> Option<()> {
        (self.byte()? == FORMAT).then_some(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn id(byte: u8) -> KeyId {
        KeyId::from_bytes([byte; 16])
    }

    #[test]
    fn rows_are_read_as_they_were_written_and_not_when_cut_or_longer() {
        let name = Name::new("oakvale").unwrap();
        let root = RootRow {
            usage: Use::Locator,
            state: State::DecryptOnly,
            version: 7,
            floor: 3,
            created_ms: 1_763_000_000_000,
            controller: name,
            category: name,
            wrapped_by: id(1),
            wrapped: Wrapped::from_bytes([2; 96]),
            tag: [3; 16],
        };
        let living = SubjectRow::Living { wrapped_by: id(3), index: [4; 32], wrapped: Wrapped::from_bytes([5; 96]) };
        let audit = AuditRow { id: id(6), wrapped_by: id(7), tag: [8; 16], wrapped: Wrapped::from_bytes([9; 96]) };
        check(&root.encode(), |b| RootRow::decode(b).map(|r| r.encode()));
        check(&living.encode(), |b| SubjectRow::decode(b).map(|r| r.encode()));
        check(&SubjectRow::Destroyed { at: 9 }.encode(), |b| SubjectRow::decode(b).map(|r| r.encode()));
        check(&audit.encode(), |b| AuditRow::decode(b).map(|r| r.encode()));
        check(&IndexRow { id: id(1), tag: [2; 16] }.encode(), |b| IndexRow::decode(b).map(|r| r.encode()));
    }

    fn check(bytes: &[u8], again: impl Fn(&[u8]) -> Option<Vec<u8>>) {
        assert_eq!(again(bytes).as_deref(), Some(bytes));
        for cut in 0..bytes.len() {
            assert_eq!(again(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(again(&[bytes, &[0]].concat()), None);
    }
}
