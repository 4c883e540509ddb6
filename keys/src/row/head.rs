use crate::Altered;
use crate::id::{KEY_ID_BYTES, KeyId};
use crate::row::layout::Reader;

/// First byte of a row.
pub const FORMAT: u8 = 1;

/// The suite of this version: HKDF-SHA-256 with AES-256-GCM, as sealed values are drawn in `docs/FORMAT.md`.
pub const SUITE: u8 = 1;

/// Subject keys in one row: its own person's and those of others.
pub const KEYS_MAX: usize = 255;

/// Fields in one row.
pub const FIELDS_MAX: usize = 1024;

/// The part of a row that is not encrypted. Everything in it is bound by the sealed identity.
///
/// Rules: the suite is known; 1 to [`KEYS_MAX`] keys, of which the first is the row's own person's; at most [`FIELDS_MAX`] fields,
/// their numbers ascending; each field names one of the keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// How the row is sealed; [`SUITE`].
    pub suite: u8,
    /// The origin epoch of the log under which the row was written.
    pub origin: u32,
    /// Of the row; grows by one with each write.
    pub version: u32,
    /// Ids of the subject keys; the first is the own person's.
    pub keys: Vec<KeyId>,
    pub fields: Vec<FieldHead>,
}

/// What the head says of one field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FieldHead {
    /// The field's number in the schema.
    pub number: u16,
    /// Which of the head's keys seals it.
    pub key: u8,
    /// The row's version at which it was sealed.
    pub version: u32,
}

impl Head {
    /// The id of the own person's subject key, `None` for a head without keys.
    pub fn own_key(&self) -> Option<&KeyId> {
        self.keys.first()
    }

    pub(super) fn is_well_formed(&self) -> bool {
        let ascending = self.fields.windows(2).all(|pair| pair[0].number < pair[1].number);
        let keyed = self.fields.iter().all(|field| usize::from(field.key) < self.keys.len());
        self.suite == SUITE
            && (1..=KEYS_MAX).contains(&self.keys.len())
            && self.fields.len() <= FIELDS_MAX
            && ascending
            && keyed
    }

    /// Encodes a well-formed head; another gives bytes that [`Self::read`] refuses or reads as they stand, never a panic.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[FORMAT, self.suite]);
        out.extend_from_slice(&self.origin.to_be_bytes());
        out.extend_from_slice(&self.version.to_be_bytes());
        out.push(self.keys.len() as u8);
        for key in &self.keys {
            out.extend_from_slice(key.as_bytes());
        }
        out.extend_from_slice(&(self.fields.len() as u16).to_be_bytes());
        for field in &self.fields {
            out.extend_from_slice(&field.number.to_be_bytes());
            out.push(field.key);
            out.extend_from_slice(&field.version.to_be_bytes());
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Altered> {
        let [format, suite] = reader.array()?;
        if format != FORMAT {
            return Err(Altered);
        }
        let origin = u32::from_be_bytes(reader.array()?);
        let version = u32::from_be_bytes(reader.array()?);
        let [key_count] = reader.array()?;
        let keys =
            (0..key_count).map(|_| reader.array::<KEY_ID_BYTES>().map(KeyId::from_bytes)).collect::<Result<_, _>>()?;
        let field_count = u16::from_be_bytes(reader.array()?);
        let fields = (0..field_count).map(|_| FieldHead::read(reader)).collect::<Result<_, _>>()?;
        let head = Self { suite, origin, version, keys, fields };
        if head.is_well_formed() { Ok(head) } else { Err(Altered) }
    }
}

impl FieldHead {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Altered> {
        let number = u16::from_be_bytes(reader.array()?);
        let [key] = reader.array()?;
        let version = u32::from_be_bytes(reader.array()?);
        Ok(Self { number, key, version })
    }
}
