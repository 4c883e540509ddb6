//! Lines that are not in the vault, and why: by number, code and the names of category and field. Never a value and
//! never an id: whoever mends the file finds the line by its number.

use std::io::Write;
use std::path::Path;

use coffer_wire::Name;
use coffer_wire::problem::Code;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// Codes that only an import has, with their sentences. The vault's own are beside these.
const CODES: [(&str, &str); 14] = [
    ("exists", "The record stands already; it was left as it is."),
    ("in_doubt", "The record stands already, in a batch whose answer was lost: most likely this very line."),
    ("line_shape", "The line has more or fewer cells than the header; is a quote missing?"),
    ("not_utf8", "The line is not UTF-8 text."),
    ("nothing_to_write", "The line has nothing in the columns of any field."),
    ("empty_cell", "The cell is empty, and the map says that it must not be."),
    ("invalid_format", "The cell is not written as the map's `format` says."),
    ("invalid_person", "The line gives no id of a person: 1 to 64 bytes without control characters."),
    ("invalid_record", "The line gives no id of a record: 1 to 64 bytes without control characters."),
    ("invalid_controller", "The line names no controller."),
    ("invalid_case", "The line gives no case, or one of over 256 bytes."),
    ("invalid_reason", "The line gives no reason, or one of over 256 bytes."),
    ("invalid_source", "The line names none of the sources there are."),
    ("invalid_known", "The line gives no reference, day or confidence that is one, or says neither true nor false."),
];
/// Columns of the report.
const HEADINGS: [&str; 6] = ["line", "last_line", "code", "category", "field", "what"];

/// Why a line is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Why {
    code: &'static str,
    category: Option<Name>,
    field: Option<Name>,
}

impl Why {
    /// A reason of the import's own.
    pub fn of(code: &'static str) -> Why {
        Why { code, category: None, field: None }
    }

    /// The vault's reason, or one that the vault would have had.
    pub fn code(code: Code) -> Why {
        Why::of(code.as_str())
    }

    /// The reason of a code's text, if there is such a code.
    pub fn parse(code: &str) -> Option<Why> {
        let own = CODES.iter().map(|(known, _)| *known);
        let code = own.chain(Code::ALL.iter().map(|code| code.as_str())).find(|known| *known == code)?;
        Some(Why::of(code))
    }

    pub fn at(self, field: Name) -> Why {
        Why { field: Some(field), ..self }
    }

    pub fn in_category(self, category: Name) -> Why {
        Why { category: Some(category), ..self }
    }

    pub fn with(self, category: Option<Name>, field: Option<Name>) -> Why {
        Why { category, field, ..self }
    }

    /// The stable code.
    pub fn as_str(&self) -> &'static str {
        self.code
    }

    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    pub fn category(&self) -> Option<Name> {
        self.category
    }

    pub fn field(&self) -> Option<Name> {
        self.field
    }

    /// One sentence for a person.
    pub fn title(&self) -> &'static str {
        let own = CODES.iter().find(|(code, _)| *code == self.code).map(|(_, title)| *title);
        let of_vault = || Code::ALL.iter().find(|code| code.as_str() == self.code).map(|code| code.title());
        own.or_else(of_vault).unwrap_or_default()
    }
}

/// A line that is not in the vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    pub line: u64,
    /// Its last line, where it has several.
    pub last: u64,
    /// Which of its records, from 0; none where it was refused before there were any.
    pub block: Option<usize>,
    pub why: Why,
}

/// The same for programs.
#[derive(Serialize)]
pub struct Told {
    line: u64,
    last_line: u64,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Name>,
    what: &'static str,
}

impl From<&Refused> for Told {
    fn from(refused: &Refused) -> Told {
        let Refused { line, last, why, .. } = refused;
        Told {
            line: *line,
            last_line: *last,
            code: why.code,
            category: why.category,
            field: why.field,
            what: why.title(),
        }
    }
}

/// The report, written beside its place and put there when it is whole.
pub struct Report {
    file: NamedTempFile,
}

impl Report {
    /// Begins a report that will lie at `path`; one that lies there stays until then.
    pub fn new(path: &Path) -> Result<Report, Failure> {
        let begin = || -> std::io::Result<Report> {
            let mut file = tempfile::Builder::new().prefix(".coffer-refused-").tempfile_in(super::folder(path))?;
            writeln!(file, "{}", HEADINGS.join(","))?;
            Ok(Report { file })
        };
        begin().map_err(|error| Failure::failed(path.display(), error))
    }

    /// Adds a line. Nothing in it needs quoting but the sentence.
    pub fn add(&mut self, refused: &Refused) -> std::io::Result<()> {
        let Refused { line, last, why, .. } = refused;
        let name = |name: Option<Name>| name.map(|name| name.to_string()).unwrap_or_default();
        let (category, field) = (name(why.category), name(why.field));
        let title = why.title().replace('"', "\"\"");
        writeln!(self.file, "{line},{last},{},{category},{field},\"{title}\"", why.code)
    }

    /// Puts it in its place.
    pub fn finish(self, path: &Path) -> Result<(), Failure> {
        let put = || -> std::io::Result<()> {
            self.file.as_file().sync_all()?;
            self.file.persist(path)?;
            Ok(())
        };
        put().map_err(|error| Failure::failed(path.display(), error))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_sentence_and_is_found_by_its_code() {
        let codes = CODES.iter().map(|(code, _)| *code).chain(Code::ALL.iter().map(|code| code.as_str()));
        for code in codes {
            let why = Why::parse(code).unwrap();
            assert_eq!(why.as_str(), code);
            assert!(!why.title().is_empty());
        }
        assert_eq!(Why::parse("no_such_code"), None);
        let own = CODES.iter().filter(|(code, _)| Code::ALL.iter().any(|known| known.as_str() == *code));
        assert_eq!(own.count(), 0, "a code of the vault's means one thing");
    }

    #[test]
    fn a_report_is_csv_and_there_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refused.csv");
        let mut report = Report::new(&path).unwrap();
        let why =
            Why::code(Code::InvalidValue).in_category(Name::new("bank").unwrap()).at(Name::new("sort_code").unwrap());
        report.add(&Refused { line: 17, last: 19, block: Some(0), why }).unwrap();
        assert!(!path.exists());
        report.finish(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let title = Code::InvalidValue.title();
        assert_eq!(
            text,
            format!("line,last_line,code,category,field,what\n17,19,invalid_value,bank,sort_code,\"{title}\"\n")
        );
    }
}
