//! A text as the guard sees it: digits of whatever script, letters, separators, and the rest.
//!
//! Which characters are digits, spaces and dashes is Unicode's (general categories Nd, Zs, Pd); which letters look
//! like digits is after the confusables of Unicode Technical Standard 39.

use std::ops::RangeInclusive;

use zeroize::{DefaultIsZeroes, Zeroizing};

/// What a character is to the guard.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sign {
    /// Ends whatever it stands in.
    #[default]
    Other,
    /// A digit, 0 to 9.
    Digit(u8),
    /// A letter.
    Letter(Letter),
    /// A space within a line.
    Space,
    /// A dash, or what is used as one.
    Dash,
    /// A dot.
    Dot,
    /// Stands before a telephone number.
    Plus,
}

/// What is known of a letter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    /// A is 10, Z is 35, as in an IBAN; nothing for other alphabets.
    pub(super) value: Option<u8>,
    /// The digit that it looks like.
    like: Option<u8>,
}

impl DefaultIsZeroes for Sign {}

impl Sign {
    /// A character of a word.
    pub(super) fn is_of_a_word(self) -> bool {
        matches!(self, Sign::Digit(_) | Sign::Letter(_))
    }

    /// May stand between the groups of a number.
    pub(super) fn separates(self) -> bool {
        matches!(self, Sign::Space | Sign::Dash | Sign::Dot)
    }
}

/// The first digits of Unicode's decimal digits (Nd), which come in tens.
pub(super) const ZEROS: [u32; 70] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0,
    0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140,
    0x1e2f0, 0x1e4f0, 0x1e950,
];

/// Digits raised, lowered, in circles, brackets and segments: the first of a stretch, which digit it is, how many.
pub(super) const ORNAMENTAL: [(u32, u8, u32); 17] = [
    (0xb2, 2, 2),
    (0xb9, 1, 1),
    (0x2070, 0, 1),
    (0x2074, 4, 6),
    (0x2080, 0, 10),
    (0x2460, 1, 9),
    (0x2474, 1, 9),
    (0x2488, 1, 9),
    (0x24ea, 0, 1),
    (0x24f5, 1, 9),
    (0x24ff, 0, 1),
    (0x2776, 1, 9),
    (0x2780, 1, 9),
    (0x278a, 1, 9),
    (0x1f100, 0, 1),
    (0x1f101, 0, 10),
    (0x1fbf0, 0, 10),
];

/// Letters that look like digits.
const LOOK_ALIKES: [(char, u8); 23] = [
    ('O', 0),
    ('o', 0),
    ('I', 1),
    ('l', 1),
    ('\u{39f}', 0), // Greek
    ('\u{3bf}', 0),
    ('\u{399}', 1),
    ('\u{41e}', 0), // Cyrillic
    ('\u{43e}', 0),
    ('\u{406}', 1),
    ('\u{4c0}', 1),
    ('\u{4cf}', 1),
    ('\u{417}', 3),
    ('\u{437}', 3),
    ('\u{431}', 6),
    ('\u{555}', 0), // Armenian
    ('\u{585}', 0),
    ('\u{1a7}', 2), // Latin, beyond ASCII
    ('\u{1b7}', 3),
    ('\u{21c}', 3),
    ('\u{1bc}', 5),
    ('\u{222}', 8),
    ('\u{223}', 8),
];

/// Dashes (Pd), the minus sign, and the low line at full width.
const DASHES: [char; 28] = [
    '\u{58a}', '\u{5be}', '\u{2d7}', '\u{1400}', '\u{1806}', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}',
    '\u{2014}', '\u{2015}', '\u{2043}', '\u{2212}', '\u{2e17}', '\u{2e1a}', '\u{2e3a}', '\u{2e3b}', '\u{2e40}',
    '\u{2e5d}', '\u{301c}', '\u{3030}', '\u{30a0}', '\u{fe31}', '\u{fe32}', '\u{fe58}', '\u{fe63}', '\u{ff0d}',
    '\u{ff3f}',
];

/// Dots in the middle and at the foot of a line.
const DOTS: [char; 13] = [
    '\u{b7}', '\u{6d4}', '\u{2022}', '\u{2024}', '\u{2027}', '\u{2219}', '\u{22c5}', '\u{3002}', '\u{30fb}',
    '\u{fe52}', '\u{ff0e}', '\u{ff61}', '\u{ff65}',
];

/// White space that ends a line. What stands on two lines does not belong together.
const LINE_ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// What takes no place of its own: joiners, direction marks, variation selectors, strokes and keys laid over a digit.
const UNSEEN: [RangeInclusive<char>; 10] = [
    '\u{ad}'..='\u{ad}',
    '\u{300}'..='\u{36f}',
    '\u{61c}'..='\u{61c}',
    '\u{180b}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{20d0}'..='\u{20f0}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
];

/// The signs of a text.
pub(super) fn of(text: &str) -> Zeroizing<Vec<Sign>> {
    // One allocation of the final size: a vector that grew would leave digits behind.
    let mut signs = Zeroizing::new(Vec::with_capacity(text.len()));
    signs.extend(text.chars().filter_map(sign));
    signs
}

/// Nothing for what is not seen between two characters.
fn sign(c: char) -> Option<Sign> {
    Some(match c {
        '0'..='9' => Sign::Digit(c as u8 - b'0'),
        'a'..='z' | 'A'..='Z' => letter(c),
        ' ' | '\t' => Sign::Space,
        '-' | '_' => Sign::Dash,
        '.' => Sign::Dot,
        '+' => Sign::Plus,
        _ if c.is_ascii() => Sign::Other,
        _ => return beyond_ascii(c),
    })
}

fn beyond_ascii(c: char) -> Option<Sign> {
    if UNSEEN.iter().any(|range| range.contains(&c)) {
        return None;
    }
    Some(match c {
        '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => narrow(c).map_or(Sign::Other, letter),
        '\u{ff0b}' => Sign::Plus,
        _ if DASHES.contains(&c) => Sign::Dash,
        _ if DOTS.contains(&c) => Sign::Dot,
        _ if c.is_whitespace() && !LINE_ENDS.contains(&c) => Sign::Space,
        _ => match digit(u32::from(c)) {
            Some(digit) => Sign::Digit(digit),
            None if c.is_alphabetic() => letter(c),
            None => Sign::Other,
        },
    })
}

fn digit(c: u32) -> Option<u8> {
    let of = |first: u32, count: u32| c.checked_sub(first).filter(|behind| *behind < count).map(|behind| behind as u8);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= c)].last();
    let ornamental =
        || ORNAMENTAL.iter().find_map(|(first, digit, count)| of(*first, *count).map(|n| (digit + n) % 10));
    zero.and_then(|zero| of(*zero, 10)).or_else(ornamental)
}

fn letter(c: char) -> Sign {
    let value = c.is_ascii_alphabetic().then(|| c.to_ascii_uppercase() as u8 - b'A' + 10);
    let like = LOOK_ALIKES.iter().find(|(letter, _)| *letter == c).map(|(_, digit)| *digit);
    Sign::Letter(Letter { value, like })
}

/// The ASCII letter of a full-width one.
fn narrow(c: char) -> Option<char> {
    char::from_u32(u32::from(c) - 0xff21 + u32::from('A'))
}

/// Reads letters as the digits that they look like, in words that are made of such and of digits alone. Says
/// whether there are any.
pub(super) fn read_look_alikes(signs: &mut [Sign]) -> bool {
    let mut read = false;
    for word in signs.split_mut(|sign| !sign.is_of_a_word()) {
        if word.iter().all(|sign| like(*sign).is_some()) {
            for sign in word {
                read |= matches!(sign, Sign::Letter(_));
                *sign = like(*sign).map_or(Sign::Other, Sign::Digit);
            }
        }
    }
    read
}

fn like(sign: Sign) -> Option<u8> {
    match sign {
        Sign::Digit(digit) => Some(digit),
        Sign::Letter(letter) => letter.like,
        _ => None,
    }
}
