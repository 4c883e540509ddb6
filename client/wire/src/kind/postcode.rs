//! Postcodes of the United Kingdom (BS 7666, the letters of Royal Mail's Postcode Address File).
//!
//! ```text
//! A9 9AA   A99 9AA   AA9 9AA   AA99 9AA   A9A 9AA   AA9A 9AA   and GIR 0AA, which is older
//! ```
//!
//! Capitals, one space. The first letter is none of Q V X, the second none of I J Z, the letters
//! after the space none of C I K M O V. Of the letters that may end an outward part both lists are
//! kept as Royal Mail has them.

pub(super) const POSTCODE_BYTES_MAX: usize = 8;

const NOT_FIRST: &[u8] = b"QVX";
const NOT_SECOND: &[u8] = b"IJZ";
/// The last letter of `A9A`.
const THIRD: &[u8] = b"ABCDEFGHJKPSTUW";
/// The last letter of `AA9A`.
const FOURTH: &[u8] = b"ABEHMNPRVWXY";
const NOT_INWARD: &[u8] = b"CIKMOV";
/// Girobank's, which fits no form.
const GIROBANK: &str = "GIR 0AA";

pub(super) fn is_postcode(value: &str) -> bool {
    let parts = value.split_once(' ');
    value == GIROBANK
        || parts.is_some_and(|(outward, inward)| is_outward(outward.as_bytes()) && is_inward(inward.as_bytes()))
}

/// The part before the space: a district, of some thousands of homes.
pub fn outward(postcode: &str) -> Option<&str> {
    is_postcode(postcode).then(|| postcode.split_once(' ').map(|(outward, _)| outward)).flatten()
}

fn is_outward(part: &[u8]) -> bool {
    let digit = u8::is_ascii_digit;
    match part {
        [a, d] | [a, d, _] if digit(d) => is_first(a) && ends(&part[2..], THIRD),
        [a, b, d] | [a, b, d, _] if digit(d) => is_first(a) && is_second(b) && ends(&part[3..], FOURTH),
        _ => false,
    }
}

/// Nothing, a second digit, or one of these letters.
fn ends(rest: &[u8], letters: &[u8]) -> bool {
    rest.iter().all(|last| last.is_ascii_digit() || letters.contains(last))
}

fn is_first(letter: &u8) -> bool {
    letter.is_ascii_uppercase() && !NOT_FIRST.contains(letter)
}

fn is_second(letter: &u8) -> bool {
    letter.is_ascii_uppercase() && !NOT_SECOND.contains(letter)
}

fn is_inward(part: &[u8]) -> bool {
    let letter = |letter: &u8| letter.is_ascii_uppercase() && !NOT_INWARD.contains(letter);
    matches!(part, [digit, a, b] if digit.is_ascii_digit() && letter(a) && letter(b))
}

#[cfg(test)]
mod tests {
    use super::super::{Invalid, written};
    use super::outward;
    use crate::schema::FieldType;

    #[test]
    fn a_postcode_has_one_of_the_forms_of_the_standard() {
        for postcode in ["M1 1AA", "M60 1NW", "CR2 6XH", "DN55 1PT", "W1A 1HQ", "EC1A 1BB", "GIR 0AA", "E1W 2RG"] {
            assert_eq!(written(FieldType::Postcode, &[], postcode), Ok(()), "{postcode}");
        }
        for postcode in [
            "m1 1aa",
            "M11AA",
            "M1  1AA",
            "M1 1AA ",
            "Q1 1AA",
            "AZ1 1AA",
            "M1 1CA",
            "M1 1AK",
            "W1I 1HQ",
            "EC1C 1BB",
            "A123 1AA",
            "ABC1 1AA",
            "AB1CD 1AA",
            "1A 1AA",
            "M 1AA",
            "M1 11A",
            "M1 1AAA",
            "M1",
            "",
        ] {
            assert_eq!(written(FieldType::Postcode, &[], postcode), Err(Invalid::NotAPostcode), "{postcode}");
        }
    }

    #[test]
    fn the_outward_part_is_that_of_a_postcode_alone() {
        assert_eq!(outward("SW1A 1AA"), Some("SW1A"));
        assert_eq!(outward("12 High Street"), None);
    }
}
