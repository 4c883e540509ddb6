use crate::context::{Context, Label};
use crate::place::KeyKind;
use crate::prf::{KEY_BYTES, Prf};
use crate::wrapped::Kept;

/// Length in bytes of half a row key, of a tag and of an alias.
pub const HALF_BYTES: usize = 16;

/// Length of a row key in bytes.
pub const ROW_KEY_BYTES: usize = 2 * HALF_BYTES;

/// Names the rows of one controller and category. Without it, nobody can tell whose row is whose, nor that
/// one person has rows in two categories.
pub struct LocatorKey(Prf);

impl LocatorKey {
    /// The first half of the key of every row of a person.
    pub fn person(&self, person: &str) -> [u8; HALF_BYTES] {
        self.0.short_name(&Context::new(Label::Locator).text(person))
    }

    /// The second half of the key of one row.
    pub fn record(&self, person: &str, record: &str) -> [u8; HALF_BYTES] {
        self.0.short_name(&Context::new(Label::Locator).text(person).text(record))
    }

    /// The key of one row.
    pub fn row(&self, person: &str, record: &str) -> [u8; ROW_KEY_BYTES] {
        join(self.person(person), self.record(person, record))
    }

    /// Authenticates a small row, as of an index: what stands in it, and where, go into `parts`.
    pub fn tag(&self, parts: &Context) -> [u8; HALF_BYTES] {
        self.0.short_name(&Context::new(Label::Tag).part(parts.as_bytes()))
    }
}

impl Kept for LocatorKey {
    const KIND: KeyKind = KeyKind::Locator;

    fn from_raw(raw: &[u8; KEY_BYTES]) -> Self {
        Self(Prf::new(raw))
    }
}

fn join(first: [u8; HALF_BYTES], second: [u8; HALF_BYTES]) -> [u8; ROW_KEY_BYTES] {
    let mut whole = [0; ROW_KEY_BYTES];
    whole[..HALF_BYTES].copy_from_slice(&first);
    whole[HALF_BYTES..].copy_from_slice(&second);
    whole
}
