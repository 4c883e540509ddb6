//! The value of one field on its way between caller and vault.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// The text of one field. It does not print, and its memory is wiped when it is dropped.
///
/// It is written to JSON as a plain string, since crossing the line is what it is for.
pub struct Value(Zeroizing<String>);

impl Value {
    /// Takes the text over.
    pub fn new(text: String) -> Value {
        Value(Zeroizing::new(text))
    }

    /// The text itself. Named so that each place that looks at a value can be found.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        String::deserialize(deserializer).map(Value::new)
    }
}
