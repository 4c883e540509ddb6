//! The one encoder of "where does this belong".
//!
//! Every ciphertext, wrapped key, row name, alias and tag is bound to a [`Context`]: a list of parts, each with its length
//! before it. Two different lists never give the same bytes, whatever stands in the parts; names are never glued.

use sha2::{Digest, Sha256};

/// First part of every context: the format's name and version.
pub(crate) const FORMAT: &[u8] = b"coffer/1";

/// Room for the longest usual context, so that building one allocates once.
const CAPACITY_BYTES: usize = 256;

/// What a context is for: its second part. Two uses of one key differ at least here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Label {
    /// A field's value.
    Value,
    /// The sealed identity of a row.
    Row,
    /// A key wrapped under another.
    Wrap,
    /// The private part of a log entry. The vault adds the parts.
    Private,
    /// A person's name in the log, for one controller, category and period.
    Alias,
    /// A half of a row key.
    Locator,
    /// A row of the index of subject keys.
    Index,
    /// The tag over an index row or another small row.
    Tag,
    /// An idempotency key. The vault adds the parts.
    Idempotency,
    /// A salted hash, as of a row or of a private part.
    Salt,
    /// The value by which a root key is known that came out of shares.
    Check,
    /// A chunk of a backup's key part, and what vouches for its manifest.
    Archive,
}

impl Label {
    /// Every label there is.
    pub const ALL: [Self; 12] = [
        Self::Value,
        Self::Row,
        Self::Wrap,
        Self::Private,
        Self::Alias,
        Self::Locator,
        Self::Index,
        Self::Tag,
        Self::Idempotency,
        Self::Salt,
        Self::Check,
        Self::Archive,
    ];

    /// The label as it stands in the bytes.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Row => "row",
            Self::Wrap => "wrap",
            Self::Private => "private",
            Self::Alias => "alias",
            Self::Locator => "locator",
            Self::Index => "index",
            Self::Tag => "tag",
            Self::Idempotency => "idempotency",
            Self::Salt => "salt",
            Self::Archive => "archive",
            Self::Check => "check",
        }
    }
}

/// A place, encoded: `coffer/1`, the label, then the parts in the order in which they were added.
///
/// Each part is its length as an unsigned 32-bit big-endian number, then its bytes. No `Debug`: a context names people.
#[derive(Clone)]
pub struct Context(Vec<u8>);

impl Context {
    pub fn new(label: Label) -> Self {
        Self(Vec::with_capacity(CAPACITY_BYTES)).part(FORMAT).text(label.text())
    }

    /// Adds bytes.
    ///
    /// # Panics
    /// On a part of 4 GiB or more, whose length the prefix cannot hold; names are bounded long before.
    #[must_use]
    pub fn part(mut self, bytes: &[u8]) -> Self {
        assert!(u32::try_from(bytes.len()).is_ok(), "a context's part is below 4 GiB");
        self.0.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a text, as its UTF-8 bytes.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.part(text.as_bytes())
    }

    /// Adds a number, as 8 bytes, big-endian.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.part(&number.to_be_bytes())
    }

    /// SHA-256 of the encoding.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
