//! Taking an archive back: everything is looked at before anything is given out.

use std::io::{Read, Seek, SeekFrom};

use coffer_keys::{GenerationKey, RootKey, VOUCHER_BYTES, Wrapped};
use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::parts::{read_rows, unseal};
use super::{ArchiveError, END_BYTES, KEY_PART, MAGIC, MANIFEST_BYTES_MAX, Manifest};
use crate::store::{Engine, Family};

/// Bytes that are hashed at a time.
const STEP_BYTES: usize = 64 * 1024;

/// An archive of which every byte was found to be the one that was written.
pub struct Opened<R> {
    manifest: Manifest,
    input: R,
    keys: Zeroizing<Vec<u8>>,
    root: RootKey,
}

/// Which generation an archive says it was made under. Nothing vouches for it before it is opened with that one's key.
pub fn generation_of<R: Read + Seek>(input: &mut R) -> Result<u64, ArchiveError> {
    Ok(ending(input)?.0.origin.generation)
}

/// Opens an archive: manifest, length and hash of every part, every chunk of the key part.
pub fn open<R: Read + Seek>(mut input: R, key: &GenerationKey) -> Result<Opened<R>, ArchiveError> {
    let (manifest, parts_end) = manifest(&mut input, key)?;
    let mut at = MAGIC.len() as u64;
    input.seek(SeekFrom::Start(at))?;
    for part in &manifest.parts {
        at = at.checked_add(part.bytes).filter(|at| *at <= parts_end).ok_or(ArchiveError::NotAnArchive)?;
        if HEXLOWER.encode(&hash(&mut (&mut input).take(part.bytes))?) != part.sha256 {
            return Err(ArchiveError::Altered(part.name.clone()));
        }
    }
    if at != parts_end {
        return Err(ArchiveError::NotAnArchive);
    }
    let id = manifest.id().ok_or(ArchiveError::Manifest)?;
    let wrapped = HEXLOWER.decode(manifest.root.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let wrapped = Wrapped::from_bytes(wrapped.ok_or(ArchiveError::Manifest)?);
    let root = key.open_root(&id, &wrapped).map_err(|_| ArchiveError::Manifest)?;
    let mut opened = Opened { manifest, input, keys: Zeroizing::default(), root };
    opened.keys = unseal(key, id, &mut opened.part(KEY_PART)?)?;
    Ok(opened)
}

/// The manifest, and where the parts end.
fn manifest<R: Read + Seek>(input: &mut R, key: &GenerationKey) -> Result<(Manifest, u64), ArchiveError> {
    let (manifest, text, voucher, parts_end) = ending(input)?;
    let id = manifest.id().ok_or(ArchiveError::Manifest)?;
    key.vouched(&id, &text, &voucher).map_err(|_| ArchiveError::Manifest)?;
    Ok((manifest, parts_end))
}

/// A manifest, its text, its voucher, and where it begins: nothing of it is known to be true yet.
type Ending = (Manifest, Vec<u8>, [u8; VOUCHER_BYTES], u64);

/// What stands at both ends is compared whole, so that no byte of an archive goes unseen.
fn ending<R: Read + Seek>(input: &mut R) -> Result<Ending, ArchiveError> {
    let not_one = || ArchiveError::NotAnArchive;
    let length = input.seek(SeekFrom::End(0))?;
    let end_at = length.checked_sub(END_BYTES as u64).ok_or_else(not_one)?;
    let mut begin = [0; MAGIC.len()];
    input.seek(SeekFrom::Start(0))?;
    input.read_exact(&mut begin)?;
    let mut end = [0; END_BYTES];
    input.seek(SeekFrom::Start(end_at))?;
    input.read_exact(&mut end)?;
    let (voucher, rest) = end.split_first_chunk::<VOUCHER_BYTES>().ok_or_else(not_one)?;
    let (text_bytes, magic) = rest.split_first_chunk::<4>().ok_or_else(not_one)?;
    let text_bytes = u32::from_be_bytes(*text_bytes);
    if begin != *MAGIC || magic != MAGIC || text_bytes > MANIFEST_BYTES_MAX {
        return Err(not_one());
    }
    let parts_end = end_at.checked_sub(u64::from(text_bytes)).ok_or_else(not_one)?;
    input.seek(SeekFrom::Start(parts_end))?;
    let mut text = vec![0; text_bytes as usize];
    input.read_exact(&mut text)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| ArchiveError::Manifest)?;
    Ok((manifest, text, *voucher, parts_end))
}

fn hash(input: &mut dyn Read) -> Result<Vec<u8>, ArchiveError> {
    let (mut hash, mut step) = (Context::new(&SHA256), vec![0; STEP_BYTES]);
    loop {
        match input.read(&mut step)? {
            0 => return Ok(hash.finish().as_ref().to_vec()),
            read => hash.update(&step[..read]),
        }
    }
}

impl<R: Read + Seek> Opened<R> {
    /// The root key that the rows lie under.
    pub fn root(&self) -> &RootKey {
        &self.root
    }

    /// What the archive says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A file that lay beside the store.
    pub fn file(&mut self, name: &str) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        self.part(&format!("file/{name}"))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Puts all rows into a store in which there are none. What is interrupted leaves a store that is of no use.
    pub fn restore(&mut self, engine: &dyn Engine) -> Result<(), ArchiveError> {
        for family in Family::FIXED {
            if !engine.scan(family, b"", None, 1)?.is_empty() {
                return Err(ArchiveError::NotEmpty);
            }
        }
        let names: Vec<_> = self.manifest.parts.iter().map(|part| part.name.clone()).collect();
        for name in names {
            let Some(column) = name.strip_prefix("rows/") else { continue };
            let family = Family::of_column(column).filter(|family| *family != Family::Keys);
            let family = family.ok_or_else(|| ArchiveError::Altered(name.clone()))?;
            engine.ensure(&[family])?;
            read_rows(engine, family, &name, &mut self.part(&name)?)?;
        }
        read_rows(engine, Family::Keys, KEY_PART, &mut self.keys.as_slice())
    }

    fn part(&mut self, name: &str) -> Result<std::io::Take<&mut R>, ArchiveError> {
        let mut at = MAGIC.len() as u64;
        for part in &self.manifest.parts {
            if part.name == name {
                self.input.seek(SeekFrom::Start(at))?;
                return Ok((&mut self.input).take(part.bytes));
            }
            at += part.bytes;
        }
        Err(ArchiveError::Altered(name.to_owned()))
    }
}
