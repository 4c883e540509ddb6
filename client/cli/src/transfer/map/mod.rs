//! The map of an import: how the columns of a CSV file become records. It is declared in TOML and holds no data.
//!
//! ```toml
//! controller = "oakvale"                 # whose data it is (left out: the `controller` of the configuration)
//! person = "{Tenant}"                    # braces name a column; other text stands as it is
//! purpose = "payments"
//! reason = "migration from the old rents system"
//! trim = true                            # spaces around a cell are no part of it
//! absent = ["N/A", "-"]                  # cells that mean: nothing is known
//!
//! [[record]]                             # one or several records come out of each line
//! category = "bank"
//! record = "B-{Account ID}"
//! source = "person"
//!
//! [record.fields]
//! account_name = "{First name} {Surname}"
//! sort_code = { from = "{Sort}", format = "digits" }
//! mandate_date = { from = "{Mandate}", format = "%d/%m/%Y", empty = "refuse" }
//! payment_method = { from = "{Pays by}", words = { DD = "direct-debit", SO = "standing-order" } }
//! ```

pub mod format;
pub mod mistake;
pub mod template;

use std::collections::BTreeMap;
use std::fmt;

use coffer_wire::Name;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use mistake::{Mistake, Source};
use template::Template;

/// Records that one line becomes, at most.
pub const RECORDS_MAX: usize = 32;
const DELIMITER: char = ',';

/// A map, read and sound in itself. Whether it fits a file and a schema is [`crate::transfer::plan`]'s to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Map {
    pub(crate) source: Source,
    delimiter: u8,
    /// Cells were marked by `record export --spreadsheet-safe`.
    pub(crate) spreadsheet_safe: bool,
    pub(crate) records: Vec<RecordMap>,
}

/// How one record comes out of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RecordMap {
    pub(crate) category: Spanned<Name>,
    pub(crate) purpose: Spanned<Name>,
    pub(crate) controller: Option<Text>,
    pub(crate) person: Text,
    pub(crate) record: Text,
    pub(crate) case: Option<Text>,
    pub(crate) reason: Option<Text>,
    pub(crate) from: Option<Text>,
    /// What else is known of them.
    pub(crate) reference: Option<Text>,
    pub(crate) verified_at: Option<Text>,
    pub(crate) confidence: Option<Text>,
    pub(crate) in_confidence: Option<Text>,
    pub(crate) fields: Vec<FieldMap>,
}

/// How one field comes out of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FieldMap {
    pub(crate) name: Name,
    pub(crate) text: Text,
    pub(crate) format: Option<Spanned<String>>,
    pub(crate) words: Option<Spanned<BTreeMap<String, String>>>,
    pub(crate) about: Option<Text>,
    pub(crate) cells: Cells,
}

/// A template and where it stands in the map.
pub(crate) type Text = Spanned<Template>;

/// What is made of cells before anything else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cells {
    pub(crate) trim: bool,
    pub(crate) absent: Vec<String>,
    pub(crate) empty: Empty,
}

/// What a cell with nothing in it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Empty {
    /// Nothing is said of the field: the record does not get it, one that stands keeps what it has.
    #[default]
    Absent,
    /// A record that stands and is updated loses the field.
    Remove,
    /// The line is refused.
    Refuse,
}

impl Map {
    /// Reads a map. `file` is the name its author knows it by.
    pub fn read(file: &str, text: &str) -> Result<Map, Mistake> {
        let source = Source { file: file.to_owned(), text: text.to_owned() };
        let raw: RawMap = source.parse()?;
        let delimiter = delimiter(&source, raw.delimiter.as_ref())?;
        let count = raw.record.get_ref().len();
        if !(1..=RECORDS_MAX).contains(&count) {
            let what = format!("a map declares 1 to {RECORDS_MAX} records, each in a table [[record]]");
            return Err(source.at(raw.record.span(), "record", what));
        }
        let common = Common {
            source: &source,
            controller: raw.controller.as_ref(),
            person: raw.person.as_ref(),
            purpose: raw.purpose.as_ref(),
            case: raw.case.as_ref(),
            reason: raw.reason.as_ref(),
            from: raw.source.as_ref(),
            known: [&raw.reference, &raw.verified_at, &raw.confidence, &raw.in_confidence],
            trim: raw.trim.unwrap_or(true),
            absent: &raw.absent,
            empty: raw.empty,
        };
        let records = raw.record.get_ref().iter().map(|raw| common.record(raw)).collect::<Result<_, _>>()?;
        Ok(Map { delimiter, spreadsheet_safe: raw.spreadsheet_safe, records, source })
    }

    /// What stands between cells.
    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMap {
    delimiter: Option<Spanned<String>>,
    #[serde(default)]
    spreadsheet_safe: bool,
    controller: Option<Spanned<String>>,
    person: Option<Spanned<String>>,
    purpose: Option<Spanned<Name>>,
    case: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    source: Option<Spanned<String>>,
    reference: Option<Spanned<String>>,
    verified_at: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
    in_confidence: Option<Spanned<String>>,
    trim: Option<bool>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    empty: Empty,
    record: Spanned<Vec<Spanned<RawRecord>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecord {
    category: Spanned<Name>,
    record: Spanned<String>,
    controller: Option<Spanned<String>>,
    person: Option<Spanned<String>>,
    purpose: Option<Spanned<Name>>,
    case: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    source: Option<Spanned<String>>,
    reference: Option<Spanned<String>>,
    verified_at: Option<Spanned<String>>,
    confidence: Option<Spanned<String>>,
    in_confidence: Option<Spanned<String>>,
    fields: Spanned<BTreeMap<Name, Spanned<RawField>>>,
}

/// A template alone, or a table that says more.
struct RawField(RawFieldTable);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFieldTable {
    from: Spanned<String>,
    format: Option<Spanned<String>>,
    words: Option<Spanned<BTreeMap<String, String>>>,
    about: Option<Spanned<String>>,
    trim: Option<bool>,
    absent: Option<Vec<String>>,
    empty: Option<Empty>,
}

impl<'de> Deserialize<'de> for RawField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawField, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text such as \"{Column}\", or a table with `from`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RawField, E> {
                Ok(RawField(RawFieldTable {
                    // Where it stands is where the field stands; that is filled in there.
                    from: Spanned::new(0..0, text.to_owned()),
                    format: None,
                    words: None,
                    about: None,
                    trim: None,
                    absent: None,
                    empty: None,
                }))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<RawField, M::Error> {
                RawFieldTable::deserialize(MapAccessDeserializer::new(map)).map(RawField)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// What the map says for all records, where they say nothing else.
struct Common<'a> {
    source: &'a Source,
    controller: Option<&'a Spanned<String>>,
    person: Option<&'a Spanned<String>>,
    purpose: Option<&'a Spanned<Name>>,
    case: Option<&'a Spanned<String>>,
    reason: Option<&'a Spanned<String>>,
    from: Option<&'a Spanned<String>>,
    known: [&'a Option<Spanned<String>>; 4],
    trim: bool,
    absent: &'a [String],
    empty: Empty,
}

impl Common<'_> {
    fn record(&self, raw: &Spanned<RawRecord>) -> Result<RecordMap, Mistake> {
        let RawRecord { category, record, controller, person, purpose, case, reason, source, fields, .. } =
            raw.get_ref();
        let RawRecord { reference, verified_at, confidence, in_confidence, .. } = raw.get_ref();
        let missing = |key: &str| {
            self.source.at(raw.span(), key, format!("missing key `{key}`: give it here, or once above all records"))
        };
        let either = |own: &Option<Spanned<String>>, common: Option<&Spanned<String>>, key| {
            own.as_ref().or(common).map(|text| self.text(text, key)).transpose()
        };
        if fields.get_ref().is_empty() {
            return Err(self.source.at(fields.span(), "fields", "name at least one field"));
        }
        Ok(RecordMap {
            category: category.clone(),
            purpose: purpose.as_ref().or(self.purpose).ok_or_else(|| missing("purpose"))?.clone(),
            controller: either(controller, self.controller, "controller")?,
            person: either(person, self.person, "person")?.ok_or_else(|| missing("person"))?,
            record: self.text(record, "record")?,
            case: either(case, self.case, "case")?,
            reason: either(reason, self.reason, "reason")?,
            from: either(source, self.from, "source")?,
            reference: either(reference, self.known[0].as_ref(), "reference")?,
            verified_at: either(verified_at, self.known[1].as_ref(), "verified_at")?,
            confidence: either(confidence, self.known[2].as_ref(), "confidence")?,
            in_confidence: either(in_confidence, self.known[3].as_ref(), "in_confidence")?,
            fields: fields.get_ref().iter().map(|(name, raw)| self.field(*name, raw)).collect::<Result<_, _>>()?,
        })
    }

    fn field(&self, name: Name, raw: &Spanned<RawField>) -> Result<FieldMap, Mistake> {
        let RawFieldTable { from, format, words, about, trim, absent, empty } = &raw.get_ref().0;
        let place = if from.span().is_empty() { raw.span() } else { from.span() };
        let text = self.text(&Spanned::new(place, from.get_ref().clone()), name.as_str())?;
        let about = about.as_ref().map(|about| self.text(about, "about")).transpose()?;
        let cells = Cells {
            trim: trim.unwrap_or(self.trim),
            absent: absent.as_deref().unwrap_or(self.absent).to_vec(),
            empty: empty.unwrap_or(self.empty),
        };
        Ok(FieldMap { name, text, format: format.clone(), words: words.clone(), about, cells })
    }

    fn text(&self, text: &Spanned<String>, key: &str) -> Result<Text, Mistake> {
        match Template::read(text.get_ref()) {
            Ok(template) => Ok(Spanned::new(text.span(), template)),
            Err(error) => Err(self.source.at(text.span(), key, error)),
        }
    }
}

fn delimiter(source: &Source, raw: Option<&Spanned<String>>) -> Result<u8, Mistake> {
    let Some(raw) = raw else { return Ok(DELIMITER as u8) };
    match raw.get_ref().as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(*byte),
        _ => Err(source.at(raw.span(), "delimiter", "is one character, such as \",\" or \";\" or \"\\t\"")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BANK: &str = r#"controller = "oakvale"
person = "{Tenant}"
purpose = "payments"
absent = ["N/A"]

[[record]]
category = "bank"
record = "B-{Account}"

[record.fields]
account_name = "{First} {Last}"
sort_code = { from = "{Sort}", format = "digits", trim = false }
payment_method = { from = "{Pays}", words = { DD = "direct-debit" }, empty = "refuse" }
"#;

    fn mistake(change: impl Fn(String) -> String) -> Mistake {
        Map::read("bank.toml", &change(BANK.to_owned())).unwrap_err()
    }

    #[test]
    fn what_is_said_once_counts_for_all_records_and_fields() {
        let map = Map::read("bank.toml", BANK).unwrap();
        let [record] = map.records.as_slice() else { panic!("one record") };
        assert_eq!((map.delimiter, record.category.get_ref().as_str(), record.fields.len()), (b',', "bank", 3));
        assert_eq!(record.person.get_ref(), &Template::read("{Tenant}").unwrap());
        let [name, method, sort] = record.fields.as_slice() else { panic!("three fields") };
        assert_eq!(
            (name.cells.trim, name.cells.absent.as_slice(), name.cells.empty),
            (true, ["N/A".to_owned()].as_slice(), Empty::Absent)
        );
        assert_eq!((sort.cells.trim, method.cells.empty), (false, Empty::Refuse));
    }

    #[test]
    fn a_mistake_names_file_line_and_key() {
        for (from, to, line, key) in [
            ("absent =", "abssent =", 4, "abssent"),
            ("format =", "fromat =", 12, "fromat"),
            ("category = \"bank\"", "colour = \"red\"\ncategory = \"bank\"", 7, "colour"),
            ("{Account}", "{Account", 8, "record"),
            ("{First} {Last}", "{First} }", 11, "account_name"),
            ("{Sort}", "{}", 12, "sort_code"),
            ("purpose = \"payments\"\n", "", 5, "purpose"),
            ("controller =", "delimiter = \"||\"\ncontroller =", 1, "delimiter"),
        ] {
            let mistake = mistake(|text| text.replace(from, to));
            assert_eq!((mistake.line, mistake.key.as_deref()), (Some(line), Some(key)), "{mistake}");
            assert!(mistake.to_string().starts_with(&format!("bank.toml line {line}, key `{key}`: ")), "{mistake}");
        }
    }

    #[test]
    fn a_map_without_records_or_fields_maps_nothing() {
        assert!(
            mistake(|text| text[..text.find("[[").unwrap()].to_owned() + "record = []\n").what.contains("[[record]]")
        );
        let none = mistake(|text| text[..text.find("account_name").unwrap()].to_owned());
        assert_eq!(none.key.as_deref(), Some("fields"));
        assert!(Map::read("x", "").is_err());
    }
}
