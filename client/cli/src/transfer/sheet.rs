//! Records as CSV or as lines of JSON. On a terminal nothing in them acts on it; anywhere else a cell is the value,
//! byte for byte, so that an import gives the vault what the vault gave.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use coffer_client::Record;
use coffer_wire::api::Stamp;
use coffer_wire::{ExternalId, Name, Value};
use serde::Serialize;

use super::safe;
use crate::args::Sheet;
use coffer_wire::escape::{clean, clean_json};

/// Columns before those of the fields.
const HEADINGS: [&str; 3] = ["person", "record", "version"];

/// Writes records.
pub struct Writer<W: Write> {
    out: Out<W>,
    fields: Vec<Name>,
    spreadsheet_safe: bool,
    to_terminal: bool,
    formulas: u64,
}

enum Out<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Lines(io::BufWriter<W>),
}

#[derive(Serialize)]
struct Line<'a> {
    person: &'a ExternalId,
    record: &'a ExternalId,
    version: u32,
    fields: &'a BTreeMap<Name, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    provenance: &'a BTreeMap<Name, Stamp>,
}

impl<W: Write> Writer<W> {
    /// Begins with the header, where there is one.
    pub fn new(
        out: W,
        format: Sheet,
        fields: &[Name],
        spreadsheet_safe: bool,
        to_terminal: bool,
    ) -> io::Result<Writer<W>> {
        let out = match format {
            Sheet::Csv => {
                let mut out = csv::Writer::from_writer(out);
                out.write_record(HEADINGS.into_iter().chain(fields.iter().map(Name::as_str)))?;
                Out::Csv(Box::new(out))
            }
            Sheet::Jsonl => Out::Lines(io::BufWriter::new(out)),
        };
        Ok(Writer { out, fields: fields.to_vec(), spreadsheet_safe, to_terminal, formulas: 0 })
    }

    /// How many cells stand there unmarked that a spreadsheet would run.
    pub fn formulas(&self) -> u64 {
        self.formulas
    }

    /// Adds a record.
    pub fn record(&mut self, person: &ExternalId, record: &ExternalId, read: &Record) -> io::Result<()> {
        let (version, fields, provenance) = (read.version, &read.fields, &read.provenance);
        match &mut self.out {
            Out::Lines(out) => {
                let json = serde_json::to_string(&Line { person, record, version, fields, provenance })?;
                writeln!(out, "{}", clean_json(&json))
            }
            Out::Csv(out) => {
                let version = version.to_string();
                let values = self.fields.iter().map(|field| fields.get(field).map_or("", Value::expose));
                let cells = [person.as_str(), record.as_str(), &version].into_iter().chain(values);
                for cell in cells {
                    self.formulas += u64::from(!self.spreadsheet_safe && safe::is_run(cell));
                    let cell = if self.spreadsheet_safe { safe::marked(cell) } else { Cow::Borrowed(cell) };
                    let cell = if self.to_terminal { Cow::Owned(clean(&cell)) } else { cell };
                    out.write_field(cell.as_bytes())?;
                }
                Ok(out.write_record(None::<&[u8]>)?)
            }
        }
    }

    /// Everything is handed on; what is below comes back.
    pub fn finish(self) -> io::Result<W> {
        match self.out {
            Out::Csv(out) => out.into_inner().map_err(|error| error.into_error()),
            Out::Lines(out) => out.into_inner().map_err(io::IntoInnerError::into_error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use coffer_client::Logged;
    use coffer_wire::Hash;

    use super::*;

    fn written(format: Sheet, safe: bool, terminal: bool, value: &str) -> String {
        let [note, other] = ["note", "other"].map(|name| Name::new(name).unwrap());
        let [person, record] = ["-p", "r"].map(|id| ExternalId::new(id).unwrap());
        let fields = BTreeMap::from([(note, Value::new(value.to_owned()))]);
        let logged = Logged { index: 0, leaf_hash: Hash::sha256(b"") };
        let read = Record { version: 2, fields, provenance: BTreeMap::new(), logged };
        let mut writer = Writer::new(Vec::new(), format, &[note, other], safe, terminal).unwrap();
        writer.record(&person, &record, &read).unwrap();
        assert_eq!(writer.formulas() > 0, format == Sheet::Csv && !safe);
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn a_cell_is_the_value_and_an_absent_field_is_an_empty_cell() {
        assert_eq!(
            written(Sheet::Csv, false, false, "a \"b\",\nc\u{202e}"),
            "person,record,version,note,other\n-p,r,2,\"a \"\"b\"\",\nc\u{202e}\",\n"
        );
        assert_eq!(written(Sheet::Csv, true, false, "=1"), "person,record,version,note,other\n'-p,r,2,'=1,\n");
    }

    #[test]
    fn nothing_in_it_acts_on_a_terminal() {
        let text = written(Sheet::Csv, false, true, "\u{1b}[2J\u{202e}x");
        assert!(text.contains("\\u{1b}[2J\\u{202e}x"), "{text:?}");
        for terminal in [false, true] {
            let json = written(Sheet::Jsonl, false, terminal, "\u{9b}2J\n");
            assert_eq!(
                json,
                "{\"person\":\"-p\",\"record\":\"r\",\"version\":2,\"fields\":{\"note\":\"\\u009b2J\\n\"}}\n"
            );
        }
    }
}
