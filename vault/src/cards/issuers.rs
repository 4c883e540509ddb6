//! Which numbers issuers give out.
//!
//! Sources: ISO/IEC 7812-1:2017 (structure, at most 19 digits, check digit), and the ranges that the issuers publish
//! for those who accept their cards: Visa; Mastercard (the 2-series since 2017); American Express; Discover and
//! Diners Club (one network); JCB; UnionPay; Maestro. Ranges that no issuer has in use are left out, since every
//! range makes one in ten numbers of other schemes that begin like it look like a card.

use std::ops::RangeInclusive;

/// Digits of the shortest card number.
pub(super) const DIGITS_MIN: usize = 13;
/// Digits of the longest (ISO/IEC 7812-1).
pub(super) const DIGITS_MAX: usize = 19;
/// How many digits at the beginning tell the issuer, at most.
const BEGINNING_DIGITS: usize = 4;

const SIXTEEN_TO_NINETEEN: &[usize] = &[16, 17, 18, 19];

/// By the first four digits: how many there are in all.
const RANGES: &[(RangeInclusive<u32>, &[usize])] = &[
    (4000..=4999, &[13, 16, 19]), // Visa
    (5100..=5599, &[16]),         // Mastercard
    (2221..=2720, &[16]),
    (3400..=3499, &[15]), // American Express
    (3700..=3799, &[15]),
    (6011..=6011, SIXTEEN_TO_NINETEEN), // Discover
    (6440..=6599, SIXTEEN_TO_NINETEEN),
    (3000..=3059, &[14]), // Diners Club
    (3095..=3095, &[14]),
    (3600..=3699, &[14]),
    (3800..=3999, &[14]),
    (3528..=3589, SIXTEEN_TO_NINETEEN), // JCB
    (6200..=6299, SIXTEEN_TO_NINETEEN), // UnionPay, and what Discover shares of it
    (5018..=5018, SIXTEEN_TO_NINETEEN), // Maestro
    (5020..=5020, SIXTEEN_TO_NINETEEN),
    (5038..=5038, SIXTEEN_TO_NINETEEN),
    (5893..=5893, SIXTEEN_TO_NINETEEN),
    (6304..=6304, SIXTEEN_TO_NINETEEN),
    (6759..=6759, SIXTEEN_TO_NINETEEN),
    (6761..=6763, SIXTEEN_TO_NINETEEN),
];

/// How many digits a card number has that begins like these; none where no card does.
pub(super) fn lengths(digits: &[u8]) -> &'static [usize] {
    let Some(beginning) = digits.first_chunk::<BEGINNING_DIGITS>() else { return &[] };
    let beginning = beginning.iter().fold(0, |number, digit| number * 10 + u32::from(*digit));
    RANGES.iter().find(|(range, _)| range.contains(&beginning)).map_or(&[], |(_, lengths)| lengths)
}

/// Whether the digits are a card number.
pub(super) fn is_number(digits: &[u8]) -> bool {
    lengths(digits).contains(&digits.len()) && has_check_digit(digits)
}

/// From the right, every second digit is doubled, and the digits of all are added up (ISO/IEC 7812-1, annex B).
pub(super) fn has_check_digit(digits: &[u8]) -> bool {
    let value = |(at, digit): (usize, &u8)| match (at % 2, digit * 2) {
        (0, _) => u32::from(*digit),
        (_, doubled) => u32::from(doubled / 10 + doubled % 10),
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>().is_multiple_of(10)
}
