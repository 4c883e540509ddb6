//! Whether a payment card number stands in a text. Coffer stores none, anywhere, so every text that a
//! caller sends is asked first.
//!
//! A card number is 13 to 19 digits with a right check digit (Luhn; ISO/IEC 7812-1, annex B) that begin as an
//! issuer's numbers begin and are as many as that issuer's (`issuers.rs`). In a text it is looked for in *runs*:
//! groups of digits with one separator between them, a space, dash or dot of any kind (`signs.rs`). It may be
//!
//! * a part of a run in the groups in which cards are printed, or one unbroken group; then up to three
//!   separators may stand between two groups;
//! * a whole run, in whatever groups;
//! * any groups of a run that are nothing else: not a telephone number, a sort code with its account, a date or
//!   an amount (`runs.rs`). An IBAN is taken out before all of this (`iban.rs`).
//!
//! Digits of any script count, and so do letters that look like digits, if a whole word is made of such.
//! Nothing but yes or no leaves this room, and what a text was folded into is overwritten. The work is
//! proportional to the text's length.

mod iban;
mod issuers;
mod runs;
mod signs;
#[cfg(test)]
mod tests;

/// Whether a card number stands in the text. Which, and where, is not told.
pub fn found_in(text: &str) -> bool {
    may_hold(text) && is_read_in(text)
}

/// What most texts are asked, byte by byte and without a copy: does anything stand together that could be a card's
/// digits? Whatever could be one beyond ASCII counts as such.
fn may_hold(text: &str) -> bool {
    let mut together = 0;
    text.bytes().any(|byte| {
        match byte {
            b'0'..=b'9' | b'O' | b'o' | b'I' | b'l' | FIRST_OF_SEVERAL.. => together += 1,
            b' ' | b'\t' | b'-' | b'_' | b'.' => {}
            _ if byte.is_ascii() => together = 0,
            _ => {}
        }
        together >= issuers::DIGITS_MIN
    })
}

/// From here on a byte begins a character of several in UTF-8; those between it and ASCII continue one.
const FIRST_OF_SEVERAL: u8 = 0xc0;

/// The whole question.
fn is_read_in(text: &str) -> bool {
    let mut signs = signs::of(text);
    iban::set_aside(&mut signs);
    runs::hold_card(&signs) || (signs::read_look_alikes(&mut signs) && runs::hold_card(&signs))
}
