//! Making an archive.

use std::io::{self, Write};

use coffer_keys::{ARCHIVE_ID_BYTES, GenerationKey, RootKey, Wrapped};
use coffer_wire::Name;
use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::parts::{Sealing, write_rows};
use super::{ArchiveError, KEY_PART, MAGIC, Manifest, Origin, Part};
use crate::store::{Engine, Family};

/// What goes into an archive.
pub struct Source<'a> {
    /// A store in which nothing changes meanwhile: of a stopped vault, or a copy of one that is served.
    pub engine: &'a dyn Engine,
    /// The rows of the keys family, under the root key of this archive.
    pub keys: &'a dyn Engine,
    /// The archive's root key.
    pub root: &'a ArchiveRoot,
    /// The categories that have rows.
    pub categories: &'a [Name],
    /// Files beside it, by name.
    pub files: &'a [(String, Vec<u8>)],
    /// Where it is from.
    pub origin: Origin,
}

/// The root key under which the rows of one archive lie. It is wrapped under the generation's key, and dies with it.
pub struct ArchiveRoot {
    archive: [u8; ARCHIVE_ID_BYTES],
    wrapped: Wrapped,
    /// The key.
    pub key: RootKey,
}

impl ArchiveRoot {
    /// For a new archive.
    pub fn draw(generation: &GenerationKey) -> Result<ArchiveRoot, ArchiveError> {
        let archive = coffer_keys::random()?;
        let (key, wrapped) = generation.make_root(&archive)?;
        Ok(ArchiveRoot { archive, wrapped, key })
    }
}

/// Writes an archive from beginning to end, and nothing twice: `out` needs no seeking. It is on disk when the caller has synced it.
pub fn write(source: &Source<'_>, key: &GenerationKey, out: &mut dyn Write) -> Result<Manifest, ArchiveError> {
    let archive = source.root.archive;
    let mut parts = Vec::new();
    out.write_all(MAGIC)?;
    for (name, bytes) in source.files {
        parts.push(part(format!("file/{name}"), out, |out| Ok(out.write_all(bytes)?))?);
    }
    for family in families(source.categories) {
        parts.push(part(format!("rows/{family}"), out, |out| write_rows(source.engine, family, out))?);
    }
    parts.push(part(KEY_PART.to_owned(), out, |out| {
        let mut sealing = Sealing { key, archive, out, number: 0, waiting: Zeroizing::default() };
        write_rows(source.keys, Family::Keys, &mut sealing)?;
        Ok(sealing.end()?)
    })?);
    let manifest = Manifest {
        archive: HEXLOWER.encode(&archive),
        root: HEXLOWER.encode(source.root.wrapped.as_bytes()),
        origin: source.origin.clone(),
        parts,
    };
    let text = serde_json::to_vec(&manifest).map_err(io::Error::from)?;
    out.write_all(&text)?;
    out.write_all(&key.vouch(&archive, &text))?;
    out.write_all(&(text.len() as u32).to_be_bytes())?;
    out.write_all(MAGIC)?;
    Ok(manifest)
}

/// All families but that of the keys.
fn families(categories: &[Name]) -> impl Iterator<Item = Family> + '_ {
    let fixed = Family::FIXED.into_iter().filter(|family| *family != Family::Keys);
    fixed.chain(categories.iter().map(|category| Family::Rows(*category)))
}

fn part(
    name: String,
    out: &mut dyn Write,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), ArchiveError>,
) -> Result<Part, ArchiveError> {
    let mut counted = Counted { out, hash: Context::new(&SHA256), bytes: 0 };
    fill(&mut counted)?;
    Ok(Part { name, bytes: counted.bytes, sha256: HEXLOWER.encode(counted.hash.finish().as_ref()) })
}

/// Hashes and counts what goes through it.
struct Counted<'a> {
    out: &'a mut dyn Write,
    hash: Context,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
