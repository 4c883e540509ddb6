//! The lines of the erasure ledger, each way.

use coffer_wire::Hash;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use super::Erased;
use crate::keyring::Voucher;

/// What the first line says.
const FORMAT: &str = "coffer-erasures/1";
/// Bytes of a checksum before it is written as text.
const SUM_BYTES: usize = 8;
/// No line is longer, in bytes: the longest origin and the rest.
pub(super) const LINE_BYTES_MAX: usize = 256;

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    /// The first line: what this file is.
    Format,
    /// Leaves are of the log of this origin and of those that follow it.
    Log(String),
    /// A key was destroyed.
    Erased(Erased),
    /// A group ends: up to this position, itself not counted, every destroyed key is named.
    Complete {
        /// The position.
        to: u64,
        /// The group's number in the file, from 1.
        group: u64,
    },
}

/// A line that was read, with what its writer vouched with.
pub(super) struct Line<'a> {
    pub(super) entry: Entry,
    text: &'a str,
    tag: [u8; 16],
}

/// Adds the line of an entry of a log's ledger.
pub(super) fn encode(entry: &Entry, origin: &str, voucher: &Voucher, out: &mut String) {
    let start = out.len();
    match entry {
        Entry::Format => out.push_str(FORMAT),
        Entry::Log(origin) => out.push_str(&format!("log {origin}")),
        Entry::Erased(Erased { id, at }) => out.push_str(&format!("erased {id} {at}")),
        Entry::Complete { to, group } => out.push_str(&format!("complete {to} {group}")),
    }
    let tag = voucher.tag(named(entry, origin), &out[start..]);
    out.push(' ');
    BASE64URL_NOPAD.encode_append(&tag, out);
    let sum = sum(&out[start..]);
    out.push(' ');
    out.push_str(&sum);
    out.push('\n');
}

/// Reads a line without its end; `None` of one that is no line, or is damaged.
pub(super) fn decode(line: &[u8]) -> Option<Line<'_>> {
    let line = std::str::from_utf8(line).ok()?;
    let (summed, given) = line.rsplit_once(' ')?;
    if sum(summed) != given {
        return None;
    }
    let (text, tag) = summed.rsplit_once(' ')?;
    let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).ok()?.try_into().ok()?;
    let mut words = text.split(' ');
    let entry = match (words.next()?, words.next(), words.next(), words.next()) {
        (FORMAT, None, None, None) => Entry::Format,
        ("log", Some(origin), None, None) if !origin.is_empty() => Entry::Log(origin.to_owned()),
        ("erased", Some(id), Some(at), None) => Entry::Erased(Erased { id: id.parse().ok()?, at: number(at)? }),
        ("complete", Some(to), Some(group), None) => Entry::Complete { to: number(to)?, group: number(group)? },
        _ => return None,
    };
    Some(Line { entry, text, tag })
}

impl Line<'_> {
    /// Whether this vault wrote it, in the ledger of this log.
    pub(super) fn is_vouched(&self, origin: &str, voucher: &Voucher) -> bool {
        let tag = voucher.tag(named(&self.entry, origin), self.text);
        bool::from(subtle::ConstantTimeEq::ct_eq(&tag[..], &self.tag[..]))
    }
}

/// The log that a line's tag names; the first line, and the one that names it, stand before it.
fn named<'a>(entry: &Entry, origin: &'a str) -> &'a str {
    match entry {
        Entry::Format | Entry::Log(_) => "",
        Entry::Erased(_) | Entry::Complete { .. } => origin,
    }
}

fn sum(text: &str) -> String {
    HEXLOWER.encode(&Hash::sha256(text.as_bytes()).as_bytes()[..SUM_BYTES])
}

/// Digits without a sign or a leading zero: one number has one form.
fn number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}
