//! Rows as bytes, and the key part as sealed chunks of such bytes.

use std::io::{self, Read, Write};

use coffer_keys::{ARCHIVE_ID_BYTES, CHUNK_BYTES_MAX, Chunk, GenerationKey};
use zeroize::Zeroizing;

use super::{ArchiveError, KEY_PART, PAGE_ROWS, ROW_BYTES_MAX};
use crate::store::{Batch, Engine, Family};

/// Writes every row of a family: length of key and of value, key, value.
pub(super) fn write_rows(engine: &dyn Engine, family: Family, out: &mut dyn Write) -> Result<(), ArchiveError> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let rows = engine.scan(family, b"", after.as_deref(), PAGE_ROWS)?;
        for (key, value) in &rows {
            out.write_all(&(key.len() as u32).to_be_bytes())?;
            out.write_all(&(value.len() as u32).to_be_bytes())?;
            out.write_all(key)?;
            out.write_all(value)?;
        }
        match rows.into_iter().next_back() {
            Some((last, _)) => after = Some(last),
            None => return Ok(()),
        }
    }
}

/// Puts rows into an empty store, a batch for each page of them.
pub(super) fn read_rows(
    engine: &dyn Engine,
    family: Family,
    name: &str,
    input: &mut dyn Read,
) -> Result<(), ArchiveError> {
    let mut batch = Batch::new();
    let mut waiting = 0;
    while let Some((key, value)) = row(input).map_err(|error| cut(error, name))? {
        batch.put(family, key, value);
        waiting += 1;
        if waiting == PAGE_ROWS {
            engine.commit(&std::mem::take(&mut batch))?;
            waiting = 0;
        }
    }
    if waiting > 0 {
        engine.commit(&batch)?;
    }
    Ok(())
}

/// A part that ends within a row or a chunk.
fn cut(error: io::Error, name: &str) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => ArchiveError::Altered(name.to_owned()),
        _ => ArchiveError::Io(error),
    }
}

fn row(input: &mut dyn Read) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let Some(key_bytes) = length(input)? else { return Ok(None) };
    let value_bytes = length(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Some((exactly(input, key_bytes)?, exactly(input, value_bytes)?)))
}

/// A length; nothing at the end of the part.
fn length(input: &mut dyn Read) -> io::Result<Option<u32>> {
    let mut bytes = Vec::with_capacity(4);
    input.take(4).read_to_end(&mut bytes)?;
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => match u32::from_be_bytes(bytes) {
            length if length <= ROW_BYTES_MAX => Ok(Some(length)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        },
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Memory grows with what is there, not with what a length says.
fn exactly(input: &mut dyn Read, bytes: u32) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    input.take(u64::from(bytes)).read_to_end(&mut read)?;
    if read.len() as u64 == u64::from(bytes) { Ok(read) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Seals what is written to it, chunk by chunk. Without [`Sealing::end`] there is no last chunk, and nothing opens.
pub(super) struct Sealing<'a> {
    pub(super) key: &'a GenerationKey,
    pub(super) archive: [u8; ARCHIVE_ID_BYTES],
    pub(super) out: &'a mut dyn Write,
    pub(super) number: u64,
    pub(super) waiting: Zeroizing<Vec<u8>>,
}

impl Sealing<'_> {
    /// The last chunk, which may be empty.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.chunk(true)
    }

    fn chunk(&mut self, last: bool) -> io::Result<()> {
        let chunk = Chunk { archive: self.archive, number: self.number, last };
        let sealed = self.key.seal(&chunk, &self.waiting).map_err(io::Error::other)?;
        self.out.write_all(&(sealed.len() as u32).to_be_bytes())?;
        self.out.write_all(&sealed)?;
        self.number += 1;
        self.waiting.clear();
        Ok(())
    }
}

impl Write for Sealing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() == CHUNK_BYTES_MAX {
            self.chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES_MAX - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the chunks of a key part, all of them and nothing behind the last.
pub(super) fn unseal(
    key: &GenerationKey,
    archive: [u8; ARCHIVE_ID_BYTES],
    input: &mut dyn Read,
) -> Result<Zeroizing<Vec<u8>>, ArchiveError> {
    let altered = || ArchiveError::Altered(KEY_PART.to_owned());
    let mut plain = Zeroizing::new(Vec::new());
    let mut next = length(input).map_err(|error| cut(error, KEY_PART))?;
    let mut number = 0;
    while let Some(bytes) = next {
        let sealed = exactly(input, bytes).map_err(|error| cut(error, KEY_PART))?;
        next = length(input).map_err(|error| cut(error, KEY_PART))?;
        let chunk = Chunk { archive, number, last: next.is_none() };
        plain.extend_from_slice(&key.open(&chunk, &sealed).map_err(|_| altered())?);
        number += 1;
    }
    if number == 0 { Err(altered()) } else { Ok(plain) }
}
