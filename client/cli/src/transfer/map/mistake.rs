//! What is wrong with a map, so that its author finds it: file, line, key, what to do.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

/// A mistake in a map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1, where the mistake has one.
    pub line: Option<usize>,
    /// The key at fault, where there is one.
    pub key: Option<String>,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ", key `{key}`")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A map's text beside its name. Places in it become lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub file: String,
    pub text: String,
}

impl Source {
    /// Parses TOML. Unknown keys are mistakes, since each type denies them.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Mistake> {
        toml::from_str(&self.text).map_err(|error| {
            let key = quoted_key(error.message());
            let what = error.message().replace("field", "key");
            let line = error.span().map(|span| self.line(span.start));
            Mistake { file: self.file.clone(), line, key, what }
        })
    }

    /// A mistake at a place in the text.
    pub fn at(&self, place: Range<usize>, key: &str, what: impl fmt::Display) -> Mistake {
        let line = Some(self.line(place.start));
        Mistake { file: self.file.clone(), line, key: Some(key.to_owned()), what: what.to_string() }
    }

    fn line(&self, place: usize) -> usize {
        let before = self.text.as_bytes().get(..place).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

/// serde quotes the key that is missing, unknown or doubled; it comes first in its message.
fn quoted_key(message: &str) -> Option<String> {
    let names_a_key = ["unknown field `", "missing field `", "duplicate field `"];
    let rest = names_a_key.iter().find_map(|start| message.strip_prefix(start))?;
    rest.split('`').next().map(str::to_owned)
}
