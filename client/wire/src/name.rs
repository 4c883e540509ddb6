//! Names that an operator gives (controllers, categories, fields, roles …) and ids that callers give.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes of a name, at most; so that a leaf always fits.
pub const NAME_BYTES_MAX: usize = 32;
/// Bytes of an external id, at most.
pub const EXTERNAL_ID_BYTES_MAX: usize = 64;

/// The vault's own controller: acts that belong to no landlord are counted under it.
pub const VAULT: Name = Name::constant(b"vault");

/// A name from the configuration: `^[a-z][a-z0-9_-]{0,31}$`. Held inline, so that it is free to copy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    // The order of the members is the order of comparison: as text, since zero stands below every
    // character that a name may hold.
    bytes: [u8; NAME_BYTES_MAX],
    length: u8,
}

/// The text is not a name. It does not repeat the text, which may be anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a name is 1 to 32 characters of a-z, 0-9, `_` and `-`, and begins with a letter")]
pub struct NameError;

impl Name {
    /// Checks and takes a name.
    pub fn new(text: &str) -> Result<Name, NameError> {
        if is_name(text.as_bytes()) { Ok(Name::constant(text.as_bytes())) } else { Err(NameError) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever put in.
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }

    /// For bytes already known to be a name. No length above [`NAME_BYTES_MAX`] compiles in a const.
    const fn constant(text: &[u8]) -> Name {
        let mut bytes = [0; NAME_BYTES_MAX];
        let mut i = 0;
        while i < text.len() {
            bytes[i] = text[i];
            i += 1;
        }
        Name { bytes, length: text.len() as u8 }
    }
}

fn is_name(text: &[u8]) -> bool {
    let follows = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    match text {
        [b'a'..=b'z', rest @ ..] => rest.len() < NAME_BYTES_MAX && rest.iter().all(follows),
        _ => false,
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::new(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                Name::new(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// An id that the caller gives to a person or a record: 1 to 64 bytes of UTF-8 without control
/// characters. It is personal data, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ExternalId(String);

/// The text is not an external id. It does not repeat the text, which may identify someone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a person's or record's id is 1 to 64 bytes of text without control characters")]
pub struct ExternalIdError;

impl ExternalId {
    /// Checks and takes an id.
    pub fn new(text: impl Into<String>) -> Result<ExternalId, ExternalIdError> {
        let text = text.into();
        let fits = (1..=EXTERNAL_ID_BYTES_MAX).contains(&text.len());
        if fits && !text.chars().any(char::is_control) { Ok(ExternalId(text)) } else { Err(ExternalIdError) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ExternalId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for ExternalId {
    type Err = ExternalIdError;

    fn from_str(text: &str) -> Result<ExternalId, ExternalIdError> {
        ExternalId::new(text)
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(..)")
    }
}

impl<'de> Deserialize<'de> for ExternalId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ExternalId, D::Error> {
        ExternalId::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_names_are_names() {
        for text in ["a", "bank", "a-b_c9", "vault", &"n".repeat(32)] {
            assert_eq!(Name::new(text).unwrap().as_str(), text);
        }
        for text in ["", "9a", "-a", "_a", "A", "a b", "a\0", "é", "a.b", "a\"", &"n".repeat(33)] {
            assert_eq!(Name::new(text), Err(NameError), "{text:?}");
        }
    }

    #[test]
    fn the_vaults_own_name_is_a_name() {
        assert_eq!(Name::new("vault"), Ok(VAULT));
    }

    #[test]
    fn a_name_crosses_json_as_a_plain_string() {
        let name: Name = serde_json::from_str("\"b\\u0061nk\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"bank\"");
        let map: std::collections::BTreeMap<Name, u8> = serde_json::from_str("{\"bank\":1}").unwrap();
        assert_eq!(map.get(&name), Some(&1));
        assert!(serde_json::from_str::<Name>("\"Bank\"").is_err());
        assert!(serde_json::from_str::<Name>("7").is_err());
    }

    #[test]
    fn an_id_is_any_short_text_without_control_characters() {
        for text in ["1", "tenant 17", "Zoë/4", &"x".repeat(64)] {
            assert_eq!(ExternalId::new(text).unwrap().as_str(), text);
        }
        for text in ["", "a\n", "\0", "\u{85}", &"x".repeat(65), &"é".repeat(33)] {
            assert_eq!(ExternalId::new(text), Err(ExternalIdError));
            assert!(serde_json::from_value::<ExternalId>(text.into()).is_err());
        }
    }

    #[test]
    fn an_id_does_not_print() {
        let id = ExternalId::new("tenant-17").unwrap();
        assert!(!format!("{id:?}").contains("17"));
    }

    proptest! {
        #[test]
        fn names_are_ordered_as_their_text(a in "[a-z][a-z0-9_-]{0,31}", b in "[a-z][a-z0-9_-]{0,31}") {
            let (x, y) = (Name::new(&a).unwrap(), Name::new(&b).unwrap());
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x == y, a == b);
        }
    }
}
