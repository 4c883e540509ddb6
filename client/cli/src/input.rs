//! What is read from files and standard input: tokens, values, proposals. Standard input can be only
//! one of them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use coffer_client::Token;
use coffer_wire::{Name, Value};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Bytes of a JSON object of fields, at most; the vault takes no more in a request.
const FIELDS_BYTES_MAX: usize = 4 << 20;
/// Bytes of a file of policy or schema, at most.
const PROPOSAL_BYTES_MAX: u64 = 4 << 20;
/// Bytes of a share, at most.
const SHARE_BYTES_MAX: usize = 512;
/// What stands for standard input where a file is asked for.
const STANDARD_INPUT: &str = "-";

/// Reads inputs, standard input once.
#[derive(Default)]
pub struct Inputs {
    taken: Cell<bool>,
}

impl Inputs {
    /// The token of a file or of standard input.
    pub fn token(&self, path: &Path) -> Result<Token, Failure> {
        let token = if is_standard(path) {
            self.take_standard("token")?;
            Token::from_reader(io::stdin().lock())
        } else {
            Token::from_file(path)
        };
        token.map_err(|error| Failure::config(format!("token of {}", named(path)), error))
    }

    /// The fields of a write, as a JSON object in a file or on standard input.
    pub fn fields(&self, path: &Path) -> Result<BTreeMap<Name, Option<Value>>, Failure> {
        let read = if is_standard(path) {
            self.take_standard("JSON object of fields")?;
            whole(io::stdin().lock())
        } else {
            std::fs::File::open(path).and_then(whole)
        };
        let json = read.map_err(|error| Failure::input(named(path), error))?;
        fields_of(&json).map_err(|error| Failure::usage(format!("{}: {error}", named(path)), FIELDS_ADVICE))
    }

    /// A share in a file or on standard input.
    pub fn share(&self, path: &Path) -> Result<Value, Failure> {
        let mut text = Zeroizing::new(String::with_capacity(SHARE_BYTES_MAX));
        let read = if is_standard(path) {
            self.take_standard("share")?;
            io::stdin().lock().take(SHARE_BYTES_MAX as u64).read_to_string(&mut text)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(SHARE_BYTES_MAX as u64).read_to_string(&mut text))
        };
        read.map_err(|error| Failure::input(named(path), error))?;
        Ok(Value::new(text.trim().to_owned()))
    }

    /// A share that is typed and not shown.
    pub async fn typed_share(&self) -> Result<Value, Failure> {
        let line = crate::typed::line("Your share (it is not shown): ").await?;
        Ok(Value::new(line.trim().to_owned()))
    }

    /// The lines of a list of persons, in a file or on standard input.
    pub fn persons(&self, path: &Path) -> Result<Box<dyn BufRead>, Failure> {
        if is_standard(path) {
            self.take_standard("list of persons")?;
            return Ok(Box::new(io::stdin().lock()));
        }
        let file = std::fs::File::open(path).map_err(|error| Failure::input(path.display(), error))?;
        Ok(Box::new(BufReader::new(file)))
    }

    /// Claims standard input, and says what is waited for where a person types.
    fn take_standard(&self, what: &str) -> Result<(), Failure> {
        if self.taken.replace(true) {
            return Err(Failure::usage("standard input cannot be two things at once", "give one of them as a file"));
        }
        if io::stdin().is_terminal() {
            crate::output::note(format!("reading the {what} from standard input; end it with Ctrl-D"));
        }
        Ok(())
    }
}

const FIELDS_ADVICE: &str = "give a JSON object of field to text, or to null to take the field out";

/// The texts of a proposal by file name: the files named, and the `.toml` files of folders named.
pub fn proposal(paths: &[impl AsRef<Path>]) -> Result<BTreeMap<String, String>, Failure> {
    let mut files = BTreeMap::new();
    for path in paths.iter().map(AsRef::as_ref) {
        let inside = if path.is_dir() { toml_files(path)? } else { vec![path.to_owned()] };
        for file in inside {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if files.insert(name, text(&file)?).is_some() {
                return Err(Failure::usage(format!("{}: another file has this name", file.display()), ""));
            }
        }
    }
    match files.is_empty() {
        true => Err(Failure::usage("there is no .toml file in what was named", "")),
        false => Ok(files),
    }
}

/// A text file named on the command line.
pub fn text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(PROPOSAL_BYTES_MAX + 1).read_to_string(&mut text));
    let read = read.map_err(|error| Failure::input(path.display(), error))?;
    if read as u64 > PROPOSAL_BYTES_MAX {
        return Err(Failure::input(path.display(), "the file is over 4 MiB"));
    }
    Ok(text)
}

fn toml_files(folder: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
    let failed = |error| Failure::input(folder.display(), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// What an input is called when something is wrong with it.
fn named(path: &Path) -> String {
    if is_standard(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads to the end into memory that is wiped and, up to the limit, never moved.
fn whole(reader: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FIELDS_BYTES_MAX + 1));
    reader.take(FIELDS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() {
        0..=FIELDS_BYTES_MAX => Ok(bytes),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is over 4 MiB")),
    }
}

/// What is said of broken JSON names the place and no value.
fn fields_of(json: &[u8]) -> Result<BTreeMap<Name, Option<Value>>, String> {
    let place = |error: serde_json::Error| format!("not usable at line {}, column {}", error.line(), error.column());
    let fields: Fields = serde_json::from_slice(json).map_err(place)?;
    if fields.0.is_empty() { Err("no field is named".to_owned()) } else { Ok(fields.0) }
}

/// Fields, each named once: of two values for one field nobody knows which was meant.
struct Fields(BTreeMap<Name, Option<Value>>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of fields")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<Name, Option<Value>>()? {
                    if fields.insert(name, value).is_some() {
                        return Err(M::Error::custom("a field stands twice"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_texts_or_null() {
        let fields = fields_of(br#"{"sort_code": "00-54-16", "mandate_date": null}"#).unwrap();
        let value = |name| fields[&Name::new(name).unwrap()].as_ref().map(Value::expose);
        assert_eq!((value("sort_code"), value("mandate_date")), (Some("00-54-16"), None));
    }

    #[test]
    fn what_is_wrong_with_fields_is_said_without_their_values() {
        for wrong in [
            r#"{"a": 4711}"#,
            r#"{"a": "4711""#,
            r#"{"4711": "x"}"#,
            r#"{"a": "x", "a": "4711"}"#,
            r#"["4711"]"#,
            "4711",
            "{}",
            "",
        ] {
            let error = fields_of(wrong.as_bytes()).err().unwrap();
            assert!(!error.contains("4711"), "{error}");
        }
    }

    #[test]
    fn standard_input_is_read_for_one_thing() {
        let inputs = Inputs::default();
        inputs.take_standard("token").unwrap();
        assert_eq!(inputs.take_standard("fields").unwrap_err().code(), "usage");
    }

    #[test]
    fn a_proposal_is_files_and_the_toml_files_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [("bank.toml", "b"), ("care.toml", "c"), ("notes.txt", "n")] {
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        let files = proposal(&[folder.path()]).unwrap();
        assert_eq!(
            files.into_iter().collect::<Vec<_>>(),
            [("bank.toml".into(), "b".into()), ("care.toml".into(), "c".into())]
        );
        assert!(proposal(&[folder.path().join("bank.toml"), folder.path().to_owned()]).is_err());
        assert!(proposal(&[folder.path().join("missing.toml")]).is_err());
    }
}
