//! Finds texts in bytes, as they are and in the encodings in which they would slip out.
#![allow(clippy::unwrap_used)] // a folder that cannot be searched ends the test

use std::collections::HashMap;
use std::path::Path;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

/// Patterns shorter than this would be found anywhere.
const PATTERN_BYTES_MIN: usize = 8;

/// What is looked for.
#[derive(Default)]
pub struct Search {
    /// By their first four bytes.
    patterns: HashMap<[u8; 4], Vec<Pattern>>,
    /// Whether any pattern begins with these two bytes.
    begins: Vec<bool>,
}

struct Pattern {
    bytes: Vec<u8>,
    name: String,
}

impl Search {
    /// Looks for nothing yet.
    pub fn new() -> Search {
        Search { patterns: HashMap::new(), begins: vec![false; 1 << 16] }
    }

    /// Looks for this too, in every encoding.
    pub fn add(&mut self, canary: &[u8], what: &str) {
        for (encoding, bytes) in encodings(canary) {
            assert!(bytes.len() >= PATTERN_BYTES_MIN, "{what} is too short a canary as {encoding}");
            self.begins[usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))] = true;
            let first = [bytes[0], bytes[1], bytes[2], bytes[3]];
            let pattern = Pattern { bytes, name: format!("{what} as {encoding}") };
            self.patterns.entry(first).or_default().push(pattern);
        }
    }

    /// Every pattern that stands in the bytes, with the place of it.
    pub fn found_in(&self, haystack: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (at, first) in haystack.array_windows::<4>().enumerate() {
            if !self.begins[usize::from(u16::from_be_bytes([first[0], first[1]]))] {
                continue;
            }
            let patterns = self.patterns.get(first).into_iter().flatten();
            let here = patterns.filter(|pattern| haystack[at..].starts_with(&pattern.bytes));
            found.extend(here.map(|pattern| format!("{} at byte {at}", pattern.name)));
        }
        found
    }

    /// The same in every file of a folder, and in the names of the files. Says how many bytes were searched.
    pub fn found_below(&self, folder: &Path) -> (Vec<String>, u64) {
        let (mut found, mut searched) = (Vec::new(), 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.display().to_string();
            found.extend(self.found_in(shown.as_bytes()).into_iter().map(|what| format!("name of {shown}: {what}")));
            if path.is_dir() {
                let (deeper, bytes) = self.found_below(&path);
                found.extend(deeper);
                searched += bytes;
            // A socket, as a killed vault leaves one, holds nothing.
            } else if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                found.extend(self.found_in(&bytes).into_iter().map(|what| format!("{shown}: {what}")));
                searched += bytes.len() as u64;
            }
        }
        (found, searched)
    }
}

/// The text in every encoding: raw, hex, UTF-16, and base64 as it stands at each place of a longer text.
pub fn encodings(canary: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![
        ("raw".to_owned(), canary.to_vec()),
        ("lower hex".to_owned(), HEXLOWER.encode(canary).into_bytes()),
        ("upper hex".to_owned(), HEXUPPER.encode(canary).into_bytes()),
    ];
    // As `Debug` prints bytes.
    let decimals: Vec<String> = canary.iter().map(u8::to_string).collect();
    all.push(("a list of numbers".to_owned(), decimals.join(", ").into_bytes()));
    if let Ok(text) = std::str::from_utf8(canary) {
        all.push(("UTF-16LE".to_owned(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
        all.push(("UTF-16BE".to_owned(), text.encode_utf16().flat_map(u16::to_be_bytes).collect()));
    }
    for before in 0..3 {
        for (name, encoding) in [("base64", BASE64_NOPAD), ("base64url", BASE64URL_NOPAD)] {
            let longer = [&[0; 2][..before], canary].concat();
            let mut text = encoding.encode(&longer).into_bytes();
            // The last character also holds bits of what follows, unless a group of three ends here.
            if longer.len() % 3 != 0 {
                text.pop();
            }
            // The first characters also hold bits of what stands before.
            let text = text.split_off([0, 2, 3][before]);
            all.push((format!("{name} behind {before} bytes"), text));
        }
    }
    all.dedup_by(|one, other| one.1 == other.1);
    all
}

#[test]
fn a_text_is_found_in_every_encoding_and_at_every_place_of_a_longer_one() {
    let canary = b"cnry-Zq7Xk01";
    let mut search = Search::new();
    search.add(canary, "the canary");
    for before in 0..7 {
        for behind in 0..4 {
            let long = [&b"{\"a\": "[..before.min(6)], &canary[..], &b"\"}\n "[..behind]].concat();
            let utf16: Vec<u8> =
                std::str::from_utf8(&long).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
            let forms = [
                long.clone(),
                BASE64_NOPAD.encode(&long).into_bytes(),
                BASE64URL_NOPAD.encode(&long).into_bytes(),
                HEXLOWER.encode(&long).into_bytes(),
                HEXUPPER.encode(&long).into_bytes(),
                utf16,
                format!("{long:?}").into_bytes(),
            ];
            for (number, form) in forms.iter().enumerate() {
                assert!(!search.found_in(form).is_empty(), "form {number}, {before} before, {behind} behind");
                let mut other = form.clone();
                let middle = other.len() / 2;
                other[middle] ^= 4;
                assert!(search.found_in(&other).is_empty(), "form {number} with another byte is found too");
            }
        }
    }
}
