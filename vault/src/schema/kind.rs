//! The kind of a field: its type, with what an enumeration chooses from. What a value of it may be is said in
//! `coffer_wire::kind`, where callers find it too; how it is filled up before it is sealed, here.

use coffer_wire::schema::FieldType;

pub use coffer_wire::kind::Invalid;

/// Bytes to which every e-mail address is filled up at least: all but the longest look alike.
const EMAIL_PADDED_BYTES: usize = 60;

/// The kind of a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One line of any text without control characters.
    Text,
    /// Lines of text, without control characters other than tab and line feed.
    Note,
    /// One of a closed list.
    Enum(Vec<String>),
    /// A day of the calendar, `YYYY-MM-DD` (ISO 8601).
    Date,
    /// An amount with two decimal places, such as `12.50` or `-3.00`.
    Money,
    /// Digits, leading zeros kept.
    Number,
    /// A sort code of a bank's branch, `12-34-56`.
    SortCode,
    /// The number of an account with a bank, eight digits.
    AccountNumber,
    /// A telephone number, `+44 7700 900123` or `07700 900123` (ITU-T E.164; Ofcom).
    Phone,
    /// An e-mail address (RFC 5322), without a name beside it.
    Email,
    /// A postcode of the United Kingdom, `SW1A 1AA` (BS 7666).
    Postcode,
    /// A National Insurance number, `AA123456A` (HMRC, NIM39110).
    NiNumber,
}

impl Kind {
    /// The type, as the schema's files and the wire name it.
    pub fn field_type(&self) -> FieldType {
        match self {
            Kind::Text => FieldType::Text,
            Kind::Note => FieldType::Note,
            Kind::Enum(_) => FieldType::Enum,
            Kind::Date => FieldType::Date,
            Kind::Money => FieldType::Money,
            Kind::Number => FieldType::Number,
            Kind::SortCode => FieldType::SortCode,
            Kind::AccountNumber => FieldType::AccountNumber,
            Kind::Phone => FieldType::Phone,
            Kind::Email => FieldType::Email,
            Kind::Postcode => FieldType::Postcode,
            Kind::NiNumber => FieldType::NiNumber,
        }
    }

    /// What an enumeration chooses from; of any other kind nothing.
    pub fn choices(&self) -> &[String] {
        match self {
            Kind::Enum(choices) => choices,
            _ => &[],
        }
    }

    /// Bytes of a value, at most. None: the kind has no limit of its own, so the field needs one.
    pub(super) fn bytes_max(&self) -> Option<usize> {
        match self {
            Kind::Enum(choices) => Some(choices.iter().map(String::len).max().unwrap_or(0)),
            other => other.field_type().bytes_max(),
        }
    }

    /// Bytes to which a value is filled up at least. A kind with a limit hides the length of its
    /// values whole; an e-mail address, whose limit few come near, up to a size.
    pub(super) fn pad_to(&self) -> usize {
        match self {
            Kind::Email => EMAIL_PADDED_BYTES,
            _ => self.bytes_max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use coffer_wire::kind::validate;

    use super::*;

    fn choices(choices: &[&str]) -> Kind {
        Kind::Enum(choices.iter().map(|c| (*c).to_owned()).collect())
    }

    /// Written out: what lies on the disk must not tell one written form from another.
    #[test]
    fn values_of_a_kind_with_a_limit_are_stored_in_one_size() {
        let sizes = |kind: &Kind, values: &[&str]| {
            let size = |value: &&str| {
                let written = validate(kind.field_type(), kind.choices(), value.len(), value);
                assert_eq!(written, Ok(()), "{value}");
                coffer_keys::sealed_len(value.len(), kind.pad_to()).unwrap()
            };
            values.iter().map(size).collect::<std::collections::BTreeSet<_>>()
        };
        let long = "x".repeat(29);
        for (kind, values) in [
            (choices(&["no", &long]), ["no", &long]),
            (Kind::Date, ["2026-01-31", "0001-01-01"]),
            (Kind::Money, ["0.05", "-9999999999999.99"]),
            (Kind::SortCode, ["00-00-01", "99-99-99"]),
            (Kind::AccountNumber, ["00000001", "99999999"]),
            (Kind::Phone, ["0800 1111", "+999 123 456 789 012"]),
            (Kind::Email, ["a@b.uk", "mx.longfellow-of-the-mere@correspondence.example.org"]),
            (Kind::Postcode, ["M1 1AA", "SW1A 1AA"]),
            (Kind::NiNumber, ["AA123456A", "ZY987654D"]),
        ] {
            assert_eq!(sizes(&kind, &values).len(), 1, "{kind:?}");
        }
        assert_eq!(sizes(&Kind::Text, &["short", &"long ".repeat(20)]).len(), 2, "text has no limit of its own");
    }
}
