//! Card numbers that no two tests share, so that a leak names its way.

/// What the invented numbers begin with: a Visa range for tests.
const BEGINNING: &str = "424242";

/// A card number, unlike that of any other count.
pub(crate) fn card(count: usize) -> String {
    let body = format!("{BEGINNING}{:09}", count * 7_919 + 13);
    let sum: u32 = body.bytes().rev().enumerate().map(|(at, digit)| share(at, u32::from(digit - b'0'))).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// What a digit adds, counted from the place left of the check digit.
fn share(at: usize, digit: u32) -> u32 {
    match at % 2 {
        0 => digit * 2 / 10 + digit * 2 % 10,
        _ => digit,
    }
}

/// The number in fours, as people write it.
pub(crate) fn in_fours(card: &str, separator: &str) -> String {
    let fours: Vec<&str> = (0..card.len()).step_by(4).map(|at| &card[at..at + 4]).collect();
    fours.join(separator)
}
