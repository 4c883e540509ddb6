//! National Insurance numbers (HMRC, National Insurance Manual, NIM39110): two letters, six digits
//! and A, B, C or D. Numbers that only look so, given for administration, begin with letters that
//! no National Insurance number has.

pub(super) const NI_NUMBER_BYTES: usize = 9;

/// Letters that a prefix never holds.
const NOT_IN_PREFIX: &[u8] = b"DFIQUV";
/// Nor this one in second place.
const NOT_SECOND: u8 = b'O';
/// Prefixes that are not allocated, and those of administrative numbers.
const NO_PREFIXES: [&[u8; 2]; 14] = [
    b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ", //
    b"CR", b"FY", b"MW", b"NC", b"PP", b"PY", b"PZ",
];
const SUFFIXES: std::ops::RangeInclusive<u8> = b'A'..=b'D';

pub(super) fn is_ni_number(value: &str) -> bool {
    let [first, second, digits @ .., suffix] = value.as_bytes() else { return false };
    let letter = |letter: &u8| letter.is_ascii_uppercase() && !NOT_IN_PREFIX.contains(letter);
    value.len() == NI_NUMBER_BYTES
        && letter(first)
        && letter(second)
        && *second != NOT_SECOND
        && !NO_PREFIXES.contains(&&[*first, *second])
        && digits.iter().all(u8::is_ascii_digit)
        && SUFFIXES.contains(suffix)
}

#[cfg(test)]
mod tests {
    use super::super::{Invalid, written};
    use crate::schema::FieldType;

    #[test]
    fn a_national_insurance_number_has_a_prefix_that_is_given_out() {
        for number in ["AA123456A", "JG103759D", "OA000000C"] {
            assert_eq!(written(FieldType::NiNumber, &[], number), Ok(()), "{number}");
        }
        for number in [
            "QQ123456A",
            "AO123456A",
            "GB123456A",
            "TN123456B",
            "ZZ123456C",
            "PP123456A",
            "AD123456A",
            "AA123456E",
            "AA123456",
            "AA12345A",
            "AA1234567A",
            "AA 12 34 56 A",
            "aa123456a",
            "AA12345XA",
            "ÄA12345A",
            "",
        ] {
            assert_eq!(written(FieldType::NiNumber, &[], number), Err(Invalid::NotANiNumber), "{number}");
        }
    }
}
