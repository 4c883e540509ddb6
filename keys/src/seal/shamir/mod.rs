//! The root key in shares, of which a number that was settled when they were made is needed.
//!
//! Each byte of the key is shared by itself, over the field of 256 elements, by a polynomial whose other coefficients are uniform. Fewer
//! shares than needed say nothing about the key at all, whatever their holders can compute.

mod field;
mod polynomial;

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::share_set::ShareSet;
use super::{Prepared, Seal, SealError, SealKind, Share, Split, next_of, prepared};
use crate::prf::KEY_BYTES;
use crate::random::fill;
use crate::{KeyId, NoRandomness, RootKey, file, wipe_stack};
use field::Gf256;

/// A root key that people hold in shares; on disk lies only what is public of them, the [`ShareSet`].
pub struct Shamir {
    path: PathBuf,
    set: ShareSet,
}

impl Shamir {
    /// Draws a root key, splits it, and writes the public file, which must not be there yet. The shares are returned once and kept nowhere.
    ///
    /// # Errors
    /// [`SealError::Split`], [`SealError::NoRandomness`], [`SealError::SetExists`], [`SealError::Io`]. Nothing is left then.
    pub fn create(path: impl AsRef<Path>, split: Split) -> Result<(RootKey, Vec<Share>), SealError> {
        let made = make(path.as_ref(), split);
        wipe_stack();
        made
    }

    /// The seal whose public file lies at a path.
    ///
    /// # Errors
    /// [`SealError::SetMissing`], [`SealError::SetDamaged`], [`SealError::Io`].
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, SealError> {
        let path = path.into();
        let set = ShareSet::load(&path)?;
        Ok(Self { path, set })
    }
}

impl Seal for Shamir {
    fn kind(&self) -> SealKind {
        SealKind::Shamir
    }

    fn shares_needed(&self) -> Option<u8> {
        Some(self.set.threshold)
    }

    fn admit(&self, share: &Share, before: &[Share]) -> Result<(), SealError> {
        self.set.admit(share, before)
    }

    fn open(&self, shares: &[Share]) -> Result<RootKey, SealError> {
        open(&self.set, shares)
    }

    fn prepare(&self, in_force: KeyId, split: Option<Split>) -> Result<Prepared, SealError> {
        self.settle(in_force)?;
        let as_before = Split { threshold: self.set.threshold, shares: self.set.shares };
        draw(&self.path, split.unwrap_or(as_before))
    }

    fn next(&self) -> Result<Box<dyn Seal>, SealError> {
        Ok(Box::new(Self::load(prepared(&self.path)?)?))
    }

    fn settle(&self, in_force: KeyId) -> Result<(), SealError> {
        super::settle(&self.path, in_force, |path| Ok(ShareSet::load(path)?.set))
    }
}

/// A root key in shares, whose public file lies beside a path, in place of one that never came into force.
pub(super) fn draw(path: &Path, split: Split) -> Result<Prepared, SealError> {
    let next = next_of(path);
    file::remove(&next).map_err(|source| SealError::Io { path: next.clone(), source })?;
    let (_, shares) = Shamir::create(&next, split)?;
    Ok(Prepared::Shares(shares))
}

/// Not inlined, here and below: the raw key has been in these frames, and [`wipe_stack`] reaches only what lies under its caller's.
#[inline(never)]
fn make(path: &Path, split: Split) -> Result<(RootKey, Vec<Share>), SealError> {
    split.check()?;
    let id = KeyId::random()?;
    let mut raw = Zeroizing::new([0; KEY_BYTES]);
    fill(&mut *raw)?;
    let root = RootKey::from_raw(id, &raw);
    let shares = divide(id, &raw, split)?;
    ShareSet::of(&root, split).create(path)?;
    Ok((root, shares))
}

fn open(set: &ShareSet, shares: &[Share]) -> Result<RootKey, SealError> {
    for (place, share) in shares.iter().enumerate() {
        set.admit(share, &shares[..place])?;
    }
    let (have, needed) = (shares.len() as u8, set.threshold);
    let Some(enough) = shares.get(..usize::from(needed)) else { return Err(SealError::TooFew { have, needed }) };
    let root = combine(set.set, enough);
    wipe_stack();
    // One answer for whatever is wrong with them: which share it is cannot be known, and a guess would be an oracle.
    if set.is_of(&root) { Ok(root) } else { Err(SealError::WrongShares) }
}

/// Shares the key byte by byte.
#[inline(never)]
fn divide(id: KeyId, raw: &[u8; KEY_BYTES], split: Split) -> Result<Vec<Share>, NoRandomness> {
    let mut others = Zeroizing::new(vec![[0; KEY_BYTES]; usize::from(split.threshold) - 1]);
    for coefficients in others.iter_mut() {
        fill(coefficients)?;
    }
    let share = |index| Share::new(id, index, split.threshold, body(index, raw, &others));
    Ok((1..=split.shares).map(share).collect())
}

/// The bytes of one share: for each byte of the key the value of its polynomial there.
pub(crate) fn body(index: u8, raw: &[u8; KEY_BYTES], others: &[[u8; KEY_BYTES]]) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut body = Zeroizing::new([0; KEY_BYTES]);
    for (place, byte) in body.iter_mut().enumerate() {
        let coefficients = others.iter().map(|coefficients| Gf256::new(coefficients[place]));
        *byte = polynomial::value_at(Gf256::new(index), Gf256::new(raw[place]), coefficients).bits();
    }
    body
}

#[inline(never)]
fn combine(id: KeyId, shares: &[Share]) -> RootKey {
    let places: Vec<_> = shares.iter().map(|share| Gf256::new(share.index())).collect();
    let weights = polynomial::weights_at_zero(&places);
    let mut raw = Zeroizing::new([0; KEY_BYTES]);
    for (place, byte) in raw.iter_mut().enumerate() {
        let values = shares.iter().map(|share| Gf256::new(share.body()[place]));
        *byte = polynomial::value_at_zero(&weights, values).bits();
    }
    RootKey::from_raw(id, &raw)
}

#[cfg(test)]
mod tests;
