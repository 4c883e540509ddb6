use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::aead::{self, BODY_START, OVERHEAD_BYTES, TAG_BYTES};
use crate::context::{Context, Label};
use crate::id::KeyId;
use crate::place::KeyKind;
use crate::prf::{KEY_BYTES, Prf};
use crate::random::{fill, random};
use crate::root::RootKey;
use crate::wrapped::{Kept, Wrapped, wrap};
use crate::{Altered, NoRandomness, Unsealable};

/// Length of the name that an archive is drawn, in bytes.
pub const ARCHIVE_ID_BYTES: usize = 16;
/// Length of what vouches for a manifest, in bytes.
pub const VOUCHER_BYTES: usize = 32;
/// Plaintext of one chunk, at most, in bytes.
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// The key of a generation of backups: seals the key parts of its archives and vouches for their manifests. Once it is destroyed at every
/// place where it was kept, no archive of the generation gives a key back, whoever has the root key.
pub struct GenerationKey(Prf);

/// Which chunk of which archive. A chunk opens there and nowhere else, so none can be left out, doubled, moved or taken from another
/// archive, and what follows the last one or should follow it is noticed.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    pub archive: [u8; ARCHIVE_ID_BYTES],
    /// From 0.
    pub number: u64,
    /// No other follows.
    pub last: bool,
}

impl GenerationKey {
    /// Seals a chunk, under a fresh salt: as a sealed value, without padding. How long a key part is says no more than how many rows there are.
    ///
    /// # Errors
    /// [`Unsealable`]: no randomness, or more than [`CHUNK_BYTES_MAX`].
    pub fn seal(&self, chunk: &Chunk, plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        if plain.len() > CHUNK_BYTES_MAX {
            return Err(Unsealable::TooLarge);
        }
        let mut sealed = Zeroizing::new(vec![0; plain.len() + OVERHEAD_BYTES]);
        let end = sealed.len() - TAG_BYTES;
        sealed[BODY_START..end].copy_from_slice(plain);
        aead::seal(&self.0, &random()?, &chunk.context(), &mut sealed).map_err(|_| Unsealable::TooLarge)?;
        Ok(std::mem::take(&mut *sealed))
    }

    /// Takes a chunk back.
    ///
    /// # Errors
    /// [`Altered`] when the bytes, the place or the key is another.
    pub fn open(&self, chunk: &Chunk, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Altered> {
        let mut plain = Zeroizing::new(vec![0; aead::body_len(sealed)?]);
        aead::open(&self.0, &chunk.context(), sealed, &mut plain)?;
        Ok(plain)
    }

    /// Draws the root key that the rows of an archive are put under, and wraps it under this key: so an archive depends on no root
    /// key that was in force once.
    ///
    /// # Errors
    /// [`NoRandomness`] when the operating system refuses.
    pub fn make_root(&self, archive: &[u8; ARCHIVE_ID_BYTES]) -> Result<(RootKey, Wrapped), NoRandomness> {
        let mut raw = Zeroizing::new([0; KEY_BYTES]);
        fill(&mut *raw)?;
        let wrapped = wrap(&self.0, &random()?, &root_context(archive), &raw);
        Ok((RootKey::from_raw(KeyId::from_bytes(*archive), &raw), wrapped))
    }

    /// # Errors
    /// [`Altered`] when the bytes, the archive or the key is another.
    pub fn open_root(&self, archive: &[u8; ARCHIVE_ID_BYTES], wrapped: &Wrapped) -> Result<RootKey, Altered> {
        let mut raw = Zeroizing::new([0; KEY_BYTES]);
        aead::open(&self.0, &root_context(archive), wrapped.as_bytes(), &mut *raw)?;
        Ok(RootKey::from_raw(KeyId::from_bytes(*archive), &raw))
    }

    /// What vouches for a manifest: nobody can compute it without the key.
    pub fn vouch(&self, archive: &[u8; ARCHIVE_ID_BYTES], manifest: &[u8]) -> [u8; VOUCHER_BYTES] {
        self.0.name(&Context::new(Label::Archive).text("manifest").part(archive).part(manifest))
    }

    /// # Errors
    /// [`Altered`] when the voucher was not made by this key for this manifest of this archive.
    pub fn vouched(
        &self,
        archive: &[u8; ARCHIVE_ID_BYTES],
        manifest: &[u8],
        voucher: &[u8; VOUCHER_BYTES],
    ) -> Result<(), Altered> {
        if bool::from(self.vouch(archive, manifest).ct_eq(voucher)) { Ok(()) } else { Err(Altered) }
    }
}

fn root_context(archive: &[u8; ARCHIVE_ID_BYTES]) -> Context {
    Context::new(Label::Archive).text("root").part(archive)
}

impl Chunk {
    fn context(&self) -> Context {
        Context::new(Label::Archive).text("chunk").part(&self.archive).number(self.number).part(&[u8::from(self.last)])
    }
}

impl Kept for GenerationKey {
    const KIND: KeyKind = KeyKind::Generation;

    fn from_raw(raw: &[u8; KEY_BYTES]) -> Self {
        Self(Prf::new(raw))
    }
}
