//! Looks through the memory of a process for bytes that are known.
//!
//! What is looked for is kept under a mask, and the buffer that memory is read into is left out, so that a process can also be
//! its own subject and does not find what it looks with.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// So many bytes are compared: two keys do not share them by chance, and what a free list writes into the first bytes of a
/// block that is given back leaves the next ones.
pub(crate) const WINDOW: usize = 16;

const MASK: u64 = 0x5bd1_e995_a3c5_9b27;
const CHUNK: usize = 1 << 20;
const PAGE: usize = 4 << 10;
const FILTER_BITS: u32 = 20;

/// What is looked for, each with a label.
pub(crate) struct Needles<L> {
    by_first: HashMap<u64, Vec<(u64, L)>>,
    /// Whether anything begins with these bits; most of memory does not.
    filter: Vec<bool>,
}

impl<L: Copy + Ord> Needles<L> {
    pub(crate) fn new() -> Needles<L> {
        Needles { by_first: HashMap::new(), filter: vec![false; 1 << FILTER_BITS] }
    }

    /// Every window of some bytes, one after the other.
    pub(crate) fn add(&mut self, label: L, bytes: &[u8]) {
        assert!(bytes.len() >= WINDOW && bytes.iter().any(|byte| *byte != bytes[0]), "these bytes are everywhere");
        for window in bytes.chunks_exact(WINDOW) {
            let [first, second] = halves(window);
            self.filter[filtered(first)] = true;
            self.by_first.entry(first).or_default().push((second, label));
        }
    }

    /// How often each is found, those that are not left out.
    pub(crate) fn count(&self, process: &str) -> BTreeMap<L, usize> {
        let mut found = BTreeMap::new();
        let mut memory = File::open(format!("/proc/{process}/mem")).unwrap_or_else(|error| {
            panic!(
                "the memory of {process} cannot be read ({error}): run this as root, since the vault is not dumpable"
            )
        });
        let mut buffer = vec![0; CHUNK + WINDOW - 1];
        let own = buffer.as_ptr() as usize..buffer.as_ptr() as usize + buffer.len();
        let own = (process == "self").then_some(own);
        let mut bytes = 0;
        for region in regions(process) {
            let mut at = region.start;
            while at < region.end {
                let want = buffer.len().min(region.end - at);
                let part = &mut buffer[..want];
                if memory.seek(SeekFrom::Start(at as u64)).and_then(|_| memory.read_exact(part)).is_ok() {
                    bytes += want;
                    if own.as_ref().is_none_or(|own| at + want <= own.start || own.end <= at) {
                        self.look(part, &mut found);
                    }
                }
                at += CHUNK;
            }
        }
        assert!(bytes > 10 << 20, "only {bytes} bytes were read");
        found
    }

    fn look(&self, part: &[u8], found: &mut BTreeMap<L, usize>) {
        let mut from = 0;
        while from + WINDOW <= part.len() {
            let page = from..(from + PAGE).min(part.len());
            if part[page.clone()] == [0; PAGE][..page.len()] {
                // A window that begins in zeros and ends beyond them begins with a zero, as one in four hundred does.
                from = page.end;
                continue;
            }
            let until = page.end.min(part.len() - WINDOW + 1);
            self.look_at(part, from..until, found);
            from = page.end;
        }
    }

    fn look_at(&self, part: &[u8], places: Range<usize>, found: &mut BTreeMap<L, usize>) {
        if places.is_empty() {
            return;
        }
        let eight = |at: usize| u64::from_le_bytes(part[at..at + 8].try_into().unwrap());
        let mut first = eight(places.start) << 8;
        for at in places {
            first = first >> 8 | u64::from(part[at + 7]) << 56;
            if self.filter[filtered(first ^ MASK)] {
                let second = eight(at + 8) ^ MASK;
                for (_, label) in self.by_first.get(&(first ^ MASK)).into_iter().flatten().filter(|n| n.0 == second) {
                    *found.entry(*label).or_default() += 1;
                }
            }
        }
    }
}

fn halves(window: &[u8]) -> [u64; 2] {
    [0, 8].map(|at| u64::from_le_bytes(window[at..at + 8].try_into().unwrap()) ^ MASK)
}

fn filtered(first: u64) -> usize {
    (first & ((1 << FILTER_BITS) - 1)) as usize
}

/// What can be read, but what the kernel shows to everybody.
fn regions(process: &str) -> Vec<Range<usize>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let region = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let readable = words.next()?.starts_with('r') && !line.ends_with("[vvar]") && !line.ends_with("[vsyscall]");
        let number = |text| usize::from_str_radix(text, 16).ok();
        readable.then_some(number(start)?..number(end)?)
    };
    maps.lines().filter_map(region).collect()
}
