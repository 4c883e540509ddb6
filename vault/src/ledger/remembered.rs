//! Where the outcome of an item stands in the log, so that it can be told again.

/// Leaves of one item, remembered for a while. No text of anybody's: a time and numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// Until when, Unix time in milliseconds.
    pub until_ms: u64,
    /// The position of its first leaf.
    pub first: u64,
    /// How many leaves follow each other from there.
    pub leaves: u32,
}

impl Remembered {
    /// Bytes of one in the store.
    pub const BYTES: usize = 8 + 8 + 4;

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        [&self.until_ms.to_be_bytes()[..], &self.first.to_be_bytes(), &self.leaves.to_be_bytes()].concat()
    }

    /// As it was stored.
    pub fn decode(bytes: &[u8]) -> Option<Remembered> {
        let bytes: &[u8; Remembered::BYTES] = bytes.try_into().ok()?;
        let (until, rest) = bytes.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let leaves = rest.try_into().ok()?;
        Some(Remembered {
            until_ms: u64::from_be_bytes(*until),
            first: u64::from_be_bytes(*first),
            leaves: u32::from_be_bytes(leaves),
        })
    }
}

/// What the sequencer is to remember: it alone knows the index.
pub(super) struct ToRemember {
    /// The row of the meta family.
    pub(super) key: Vec<u8>,
    pub(super) until_ms: u64,
    /// Which of the submission's leaves is the first.
    pub(super) offset: u64,
    pub(super) leaves: u32,
}

impl ToRemember {
    /// The row's value once the submission's first leaf has its position.
    pub(super) fn value(&self, position: u64) -> Vec<u8> {
        Remembered { until_ms: self.until_ms, first: position + self.offset, leaves: self.leaves }.encode()
    }
}
