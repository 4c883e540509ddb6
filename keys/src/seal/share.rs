//! One officer's part of the root key, and how it is written down.
//!
//! One line, `coffer-share-1 <index> <threshold> <set> <body> <checksum>`: made to be typed by a person. Everything but the two numbers is
//! base32 in the alphabet of Crockford, in groups of four; capitals count as small letters, `o` as 0, `i` and `l` as 1, and where the dashes stand does not matter.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::KeyId;
use crate::id::KEY_ID_BYTES;
use crate::prf::KEY_BYTES;

const FORMAT: &str = "coffer-share-1";
const CHECKSUM_BYTES: usize = 5;
/// Characters between two dashes.
const GROUP: usize = 4;
/// Characters of an encoded part, at most: those of the body.
const PART_CHARS_MAX: usize = 52;

/// A share that alone opens the vault would be a key file that can be read aloud.
pub const THRESHOLD_MIN: u8 = 2;
/// Shares of one set, at most. More officers than this are no secret.
pub const SHARES_MAX: u8 = 16;
/// Characters of a share's line, at most; what is longer is not looked at.
pub const SHARE_CHARS_MAX: usize = 256;

/// A share of a root key. Secret: enough of them are the key.
pub struct Share {
    set: KeyId,
    index: u8,
    threshold: u8,
    body: Zeroizing<[u8; KEY_BYTES]>,
}

/// Why a text is no share.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ShareError {
    #[error("this is not a share: one line `{FORMAT} <index> <threshold> <set> <body> <checksum>` is expected")]
    Malformed,
    #[error(
        "the checksum does not match: a character was lost or mistyped; compare the line with what was written down"
    )]
    Checksum,
    #[error(
        "the numbers of this share are not those of any set: {THRESHOLD_MIN} to {SHARES_MAX} shares are needed to open"
    )]
    Numbers,
}

impl Share {
    pub(crate) fn new(set: KeyId, index: u8, threshold: u8, body: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self { set, index, threshold, body }
    }

    /// Reads the line.
    ///
    /// # Errors
    /// [`ShareError`]; none of them repeats anything of the text.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let share = parse(text);
        crate::wipe_stack();
        share
    }

    /// The line, for the officer who will keep it.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut line = Zeroizing::new(String::with_capacity(SHARE_CHARS_MAX));
        line.push_str(FORMAT);
        line.push_str(&format!(" {} {} ", self.index, self.threshold));
        push_groups(&mut line, self.set.as_bytes());
        line.push(' ');
        push_groups(&mut line, &*self.body);
        line.push(' ');
        push_groups(&mut line, &self.checksum());
        line
    }

    /// The set that it belongs to: the id of the root key.
    pub fn set(&self) -> KeyId {
        self.set
    }

    /// Its number in the set, from 1.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// How many of its set are needed.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    pub(super) fn body(&self) -> &[u8; KEY_BYTES] {
        &self.body
    }

    /// Against slips of the hand, not against an attacker: 40 bits over all that stands before it.
    fn checksum(&self) -> [u8; CHECKSUM_BYTES] {
        let hash = Sha256::new()
            .chain_update(FORMAT)
            .chain_update([self.index, self.threshold])
            .chain_update(self.set.as_bytes())
            .chain_update(self.body.as_slice())
            .finalize();
        let mut checksum = [0; CHECKSUM_BYTES];
        checksum.copy_from_slice(&hash[..CHECKSUM_BYTES]);
        checksum
    }
}

#[inline(never)]
fn parse(text: &str) -> Result<Share, ShareError> {
    if text.len() > SHARE_CHARS_MAX {
        return Err(ShareError::Malformed);
    }
    let mut parts = text.split_ascii_whitespace();
    let mut part = || parts.next().ok_or(ShareError::Malformed);
    if !part()?.eq_ignore_ascii_case(FORMAT) {
        return Err(ShareError::Malformed);
    }
    let (index, threshold) = (number(part()?)?, number(part()?)?);
    let mut set = [0; KEY_ID_BYTES];
    let mut body = Zeroizing::new([0; KEY_BYTES]);
    let mut checksum = [0; CHECKSUM_BYTES];
    groups(part()?, &mut set)?;
    groups(part()?, &mut *body)?;
    groups(part()?, &mut checksum)?;
    if parts.next().is_some() {
        return Err(ShareError::Malformed);
    }
    let share = Share { set: KeyId::from_bytes(set), index, threshold, body };
    if share.checksum() != checksum {
        return Err(ShareError::Checksum);
    }
    // After the checksum: a mistyped number is a slip like any other.
    let known = (1..=SHARES_MAX).contains(&index) && (THRESHOLD_MIN..=SHARES_MAX).contains(&threshold);
    if known { Ok(share) } else { Err(ShareError::Numbers) }
}

/// A decimal number without sign or leading zero, so that a share has one text only.
fn number(text: &str) -> Result<u8, ShareError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().map_err(|_| ShareError::Malformed) } else { Err(ShareError::Malformed) }
}

static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    specification.translate.from.push_str("ABCDEFGHJKMNPQRSTVWXYZoOiIlL");
    specification.translate.to.push_str("abcdefghjkmnpqrstvwxyz001111");
    specification.encoding().expect("a fixed alphabet without doubles")
});

fn push_groups(line: &mut String, bytes: &[u8]) {
    let mut encoded = Zeroizing::new([0; PART_CHARS_MAX]);
    let chars = &mut encoded[..BASE32.encode_len(bytes.len())];
    BASE32.encode_mut(bytes, chars);
    for (index, char) in chars.iter().enumerate() {
        if index > 0 && index % GROUP == 0 {
            line.push('-');
        }
        line.push(char::from(*char));
    }
}

/// Decodes in place and into `out`, so that nothing is left of what was typed.
fn groups(text: &str, out: &mut [u8]) -> Result<(), ShareError> {
    let mut chars = Zeroizing::new([0; PART_CHARS_MAX]);
    let mut count = 0;
    for byte in text.bytes().filter(|byte| *byte != b'-') {
        *chars.get_mut(count).ok_or(ShareError::Checksum)? = byte;
        count += 1;
    }
    if count != BASE32.encode_len(out.len()) {
        return Err(ShareError::Checksum);
    }
    // What was mistyped is as a rule still in the alphabet; bits beyond the last byte are not zero then, and that is a slip too.
    BASE32.decode_mut(&chars[..count], out).map(drop).map_err(|_| {
        out.zeroize();
        ShareError::Checksum
    })
}
