//! Reading a declared file so that its author finds the mistake: file, line, key, what to do.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;

/// No file of a home directory is longer, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is wrong with a declared file and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// The file, as it was given or relative to the home.
    pub file: String,
    /// The line, from 1, where the mistake has one.
    pub line: Option<usize>,
    /// The key at fault, where there is one.
    pub key: Option<String>,
    /// What is wrong and what to do.
    pub what: String,
}

impl FileError {
    /// A mistake of the file as a whole.
    pub fn whole(file: impl Into<String>, what: impl Into<String>) -> FileError {
        FileError { file: file.into(), line: None, key: None, what: what.into() }
    }
}

impl fmt::Display for FileError {
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

impl std::error::Error for FileError {}

/// A file's name beside its text, so that a place in the text can be told as a line.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// Parses TOML. Unknown keys are mistakes, since each type below denies them.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        toml::from_str(self.text).map_err(|error| self.of_toml(&error))
    }

    /// A mistake at a place in the text.
    pub(crate) fn at(&self, place: Range<usize>, key: &str, what: impl Into<String>) -> FileError {
        FileError {
            file: self.file.to_owned(),
            line: Some(self.line(place.start)),
            key: Some(key.to_owned()),
            what: what.into(),
        }
    }

    fn of_toml(&self, error: &toml::de::Error) -> FileError {
        let message = error.message();
        let place = error.span().map(|span| span.start);
        FileError {
            file: self.file.to_owned(),
            line: place.map(|place| self.line(place)),
            key: quoted_key(message).or_else(|| place.and_then(|place| self.key_before(place))),
            what: message.replace("field", "key"),
        }
    }

    fn line(&self, place: usize) -> usize {
        let before = self.text.get(..place).unwrap_or(self.text);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// The key whose `=` stands last before a place, in its line; in an inline table that is the
    /// nearest one.
    fn key_before(&self, place: usize) -> Option<String> {
        let line = self.text.get(..place)?.rsplit('\n').next()?;
        let (left, _) = line.rsplit_once('=')?;
        let key = left.trim_end().rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').next()?;
        Some(key.to_owned()).filter(|key| !key.is_empty())
    }
}

/// serde quotes the key that is missing, unknown or doubled; it comes first in its message.
fn quoted_key(message: &str) -> Option<String> {
    let names_a_key = ["unknown field `", "missing field `", "duplicate field `"];
    let rest = names_a_key.iter().find_map(|start| message.strip_prefix(start))?;
    rest.split('`').next().map(str::to_owned)
}

/// Reads a file of at most [`FILE_BYTES_MAX`] as text. `shown` is the name its author knows it by.
pub fn read_text(path: &Path, shown: &str) -> Result<String, FileError> {
    let fail = |what: String| FileError::whole(shown, what);
    let length = std::fs::metadata(path).map_err(|error| fail(format!("cannot be read: {error}")))?.len();
    if length > FILE_BYTES_MAX {
        return Err(fail(format!("is longer than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| fail(format!("cannot be read: {error}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Two {
        one: u8,
        two: String,
    }

    fn mistake(text: &str) -> FileError {
        Source { file: "x.toml", text }.parse::<Two>().unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_named_with_file_and_line() {
        let error = mistake("one = 1\ntwo = \"2\"\n\nthree = 3\n");
        assert_eq!((error.file.as_str(), error.line, error.key.as_deref()), ("x.toml", Some(4), Some("three")));
        assert!(error.to_string().starts_with("x.toml line 4, key `three`: unknown key `three`"), "{error}");
    }

    #[test]
    fn a_missing_and_a_mistyped_key_are_named() {
        assert_eq!(mistake("one = 1\n").key.as_deref(), Some("two"));
        let error = mistake("two = \"2\"\none = \"1\"\n");
        assert_eq!((error.line, error.key.as_deref()), (Some(2), Some("one")));
    }

    #[test]
    fn a_doubled_key_and_broken_syntax_have_a_line() {
        assert_eq!(mistake("one = 1\none = 2\ntwo = \"2\"").line, Some(2));
        assert_eq!(mistake("one = 1\ntwo = \n").line, Some(2));
    }
}
