//! Telephone numbers and e-mail addresses.

use email_address::{EmailAddress, Options};

/// The digits of an international number, country code included (ITU-T E.164: at most 15; none in
/// use has fewer than 7).
const INTERNATIONAL_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// The digits of a number as dialled in the United Kingdom (Ofcom, National Telephone Numbering
/// Plan): the 0 and 9 or 10 more, 7 in the oldest freephone numbers such as 0800 1111.
const NATIONAL_DIGITS: std::ops::RangeInclusive<usize> = 8..=11;
/// Bytes of a telephone number, at most: plus sign, 15 digits, spaces between groups.
pub(super) const PHONE_BYTES_MAX: usize = 24;
/// Bytes of an e-mail address, at most: what SMTP takes as a path, without its brackets (RFC 5321,
/// section 4.5.3.1.3).
pub(super) const EMAIL_BYTES_MAX: usize = 254;

/// Whether a number can be dialled: in its international form, or in the national one of the United
/// Kingdom, with single spaces where people pause. Whether anyone has it is not asked.
pub(super) fn is_phone(value: &str) -> bool {
    let (digits, allowed) = match value.strip_prefix('+') {
        Some(rest) => (rest, INTERNATIONAL_DIGITS),
        None => (value, NATIONAL_DIGITS),
    };
    let groups = digits.split(' ').all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    let begins_with_zero = digits.starts_with('0');
    let international = value.starts_with('+');
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    value.len() <= PHONE_BYTES_MAX && groups && allowed.contains(&count) && begins_with_zero != international
}

/// An address alone, with a domain that has a dot: it is to be written to from outside.
pub(super) fn is_email(value: &str) -> bool {
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    value.len() <= EMAIL_BYTES_MAX && EmailAddress::parse_with_options(value, options).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Invalid, written};
    use crate::schema::FieldType;

    #[test]
    fn a_telephone_number_is_one_that_can_be_dialled() {
        for phone in [
            "07700 900123",
            "07700900123",
            "01632 960026",
            "020 7946 0018",
            "0800 1111",
            "+44 7700 900123",
            "+447700900123",
            "+353 20 910 1234",
        ] {
            assert_eq!(written(FieldType::Phone, &[], phone), Ok(()), "{phone}");
        }
        for phone in [
            "7700 900123",
            "0770",
            "07700 9001234",
            "+07700 900123",
            "+44 (0)7700 900123",
            "07700-900123",
            "07700  900123",
            " 07700 900123",
            "07700 900123 ",
            "+1234567890123456",
            "0 7 7 0 0 9 0 0 1 2 3  ",
            "+1 2 3 4 5 6 7 8 9 0 1 2 3",
            "07700 900ext",
            "٠٧٧٠٠٩٠٠١٢٣",
            "++447700900123",
            "",
        ] {
            assert_eq!(written(FieldType::Phone, &[], phone), Err(Invalid::NotAPhone), "{phone}");
        }
    }

    #[test]
    fn an_email_address_stands_alone_and_has_a_domain() {
        for email in ["ada@example.org", "ada.l+rent@mail.example.co.uk", "zoë@example.org"] {
            assert_eq!(written(FieldType::Email, &[], email), Ok(()), "{email}");
        }
        let long = format!("{}@{}.org", "a".repeat(64), "b.".repeat(94) + "b");
        for email in [
            "ada",
            "ada@localhost",
            "@example.org",
            "ada@",
            "ada @example.org",
            "Ada <ada@example.org>",
            "<ada@example.org>",
            "ada@[192.0.2.1]",
            "ada@example.org\n",
            "ada@@example.org",
            "ada@example..org",
            &long,
        ] {
            assert_eq!(written(FieldType::Email, &[], email), Err(Invalid::NotAnEmail), "{email}");
        }
    }
}
