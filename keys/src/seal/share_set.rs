//! What is public of a set of shares: one line, `coffer-share-set-1 <root key id> <threshold> <shares> <check value> <checksum>`.

use std::io::ErrorKind;
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{SealError, Share, Split};
use crate::root::CHECK_BYTES;
use crate::{KeyId, RootKey, file};

const FORMAT: &str = "coffer-share-set-1";
const CHECKSUM_CHARS: usize = 16;
/// Nothing in it is secret. Who can change it can keep the vault from opening, and no more.
const MODE: u32 = 0o644;
/// Longer than any line can be.
const FILE_BYTES_MAX: u64 = 256;

/// What is known of the shares where nobody has handed one in.
pub(crate) struct ShareSet {
    pub(super) set: KeyId,
    pub(super) threshold: u8,
    pub(super) shares: u8,
    /// By which the right key is known: a name that it gives, from which nobody can compute it.
    check: [u8; CHECK_BYTES],
}

impl ShareSet {
    pub(crate) fn of(root: &RootKey, Split { threshold, shares }: Split) -> Self {
        Self { set: root.id(), threshold, shares, check: root.check_value(threshold, shares) }
    }

    /// Whether a key is the one that was shared, by this threshold among this many.
    pub(super) fn is_of(&self, root: &RootKey) -> bool {
        root.check_value(self.threshold, self.shares).ct_eq(&self.check).into()
    }

    /// Whether a share is one of these, as far as can be seen from its numbers, and not one that is there already.
    pub(super) fn admit(&self, share: &Share, before: &[Share]) -> Result<(), SealError> {
        let of_this = share.set() == self.set && share.threshold() == self.threshold && share.index() <= self.shares;
        if !of_this {
            return Err(SealError::OtherSet(share.set()));
        }
        let twice = before.iter().any(|earlier| earlier.index() == share.index());
        if twice { Err(SealError::Twice(share.index())) } else { Ok(()) }
    }

    pub(super) fn create(&self, path: &Path) -> Result<(), SealError> {
        file::create(path, self.line().as_bytes(), MODE).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => SealError::SetExists(path.into()),
            _ => SealError::Io { path: path.into(), source },
        })
    }

    pub(super) fn load(path: &Path) -> Result<Self, SealError> {
        let text = file::read_line(path, FILE_BYTES_MAX).map_err(|source| match source.kind() {
            ErrorKind::NotFound => SealError::SetMissing(path.into()),
            ErrorKind::InvalidData => SealError::SetDamaged(path.into()),
            _ => SealError::Io { path: path.into(), source },
        })?;
        Self::parse(&text).ok_or_else(|| SealError::SetDamaged(path.into()))
    }

    pub(crate) fn line(&self) -> String {
        let ShareSet { set, threshold, shares, check } = self;
        let text = format!("{FORMAT} {set} {threshold} {shares} {}", HEXLOWER.encode(check));
        format!("{text} {}\n", checksum(&text))
    }

    fn parse(line: &str) -> Option<Self> {
        let (text, sum) = line.strip_suffix('\n')?.rsplit_once(' ')?;
        let mut parts = text.strip_prefix(FORMAT)?.strip_prefix(' ')?.split(' ');
        let mut part = || parts.next();
        let set = part()?.parse().ok()?;
        let split = Split { threshold: part()?.parse().ok()?, shares: part()?.parse().ok()? };
        let check = HEXLOWER.decode(part()?.as_bytes()).ok()?.try_into().ok()?;
        let whole = parts.next().is_none() && checksum(text) == sum && split.check().is_ok();
        whole.then_some(Self { set, threshold: split.threshold, shares: split.shares, check })
    }
}

/// Against slips of the hand and of the disk: a damaged check value would call right shares wrong.
fn checksum(text: &str) -> String {
    let mut hex = HEXLOWER.encode(&Sha256::digest(text));
    hex.truncate(CHECKSUM_CHARS);
    hex
}
