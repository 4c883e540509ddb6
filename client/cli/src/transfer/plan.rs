//! A map held against the header of a file and the schema: what can be known to be wrong is said before the first
//! line is sent. Then line by line: what is to be written, or why the line is refused.

use std::collections::BTreeMap;

use coffer_wire::api::{WORDS_BYTES_MAX, WriteItem};
use coffer_wire::problem::Code;
use coffer_wire::schema::{Category, Field, SchemaAnswer, Subject};
use coffer_wire::{Confidence, Day, ExternalId, Known, Name, Provenance, Value};
use toml::Spanned;
use zeroize::Zeroizing;

use super::lines::Line;
use super::map::format::Format;
use super::map::mistake::{Mistake, Source};
use super::map::template::{Part, Template};
use super::map::{Cells, Empty, FieldMap, Map, RecordMap, Text};
use super::refused::Why;
use super::safe;
use crate::args::Envelope;

/// A map that fits.
pub struct Plan {
    spreadsheet_safe: bool,
    columns: usize,
    unused: usize,
    blocks: Vec<Block>,
    update: bool,
}

/// One record of each line.
struct Block {
    category: Name,
    purpose: Name,
    controller: Option<Filling>,
    person: Filling,
    record: Filling,
    case: Option<Filling>,
    reason: Option<Filling>,
    source: Option<Filling>,
    known: KnownFilling,
    case_required: bool,
    source_required: bool,
    /// Fields that no record is without.
    required: Vec<Name>,
    fields: Vec<Slot>,
}

/// What else is known of the values.
struct KnownFilling {
    reference: Option<Filling>,
    verified_at: Option<Filling>,
    confidence: Option<Filling>,
    in_confidence: Option<Filling>,
}

/// One field of a record.
struct Slot {
    field: Field,
    text: Filling,
    format: Option<Format>,
    words: BTreeMap<String, String>,
    about: Option<Filling>,
    cells: Cells,
}

/// A template whose columns are places in a line.
enum Filling {
    Constant(String),
    Parts(Vec<Piece>),
}

enum Piece {
    Text(String),
    Cell(usize),
}

/// A record to be written.
pub struct Planned {
    /// Which of the line's records it is, from 0.
    pub block: usize,
    pub around: Envelope,
    pub item: WriteItem,
}

impl Plan {
    /// Holds a map against header and schema.
    pub fn new(map: &Map, header: &[&str], schema: &SchemaAnswer, update: bool) -> Result<Plan, Mistake> {
        let desk = Binder { source: &map.source, header, schema, update };
        let blocks = map.records.iter().map(|record| desk.block(record)).collect::<Result<Vec<_>, _>>()?;
        let used: std::collections::BTreeSet<_> = blocks.iter().flat_map(Block::cells).collect();
        let (columns, unused) = (header.len(), header.len() - used.len());
        Ok(Plan { spreadsheet_safe: map.spreadsheet_safe, columns, unused, blocks, update })
    }

    /// How many columns the map does not speak of.
    pub fn unused(&self) -> usize {
        self.unused
    }

    /// What a line says is to be written; if any of its records cannot be, none is.
    pub fn items(&self, line: &Line<'_>) -> Result<Vec<Planned>, Why> {
        if line.len() != self.columns {
            return Err(Why::of("line_shape"));
        }
        let mut cells = line.cells().ok_or(Why::of("not_utf8"))?;
        if self.spreadsheet_safe {
            cells.iter_mut().for_each(|cell| *cell = safe::unmarked(cell));
        }
        let mut planned = Vec::with_capacity(self.blocks.len());
        for (at, block) in self.blocks.iter().enumerate() {
            let item = block.item(&cells, self.update).map_err(|why| why.in_category(block.category))?;
            planned.extend(item.map(|(around, item)| Planned { block: at, around, item }));
        }
        if planned.is_empty() { Err(Why::of("nothing_to_write")) } else { Ok(planned) }
    }
}

impl Block {
    fn cells(&self) -> Vec<usize> {
        let ids = [Some(&self.person), Some(&self.record), self.controller.as_ref(), self.case.as_ref()];
        let KnownFilling { reference, verified_at, confidence, in_confidence } = &self.known;
        let words = [&self.reason, &self.source, reference, verified_at, confidence, in_confidence].map(Option::as_ref);
        let fields = self.fields.iter().flat_map(|slot| [Some(&slot.text), slot.about.as_ref()]);
        ids.into_iter().chain(words).chain(fields).flatten().flat_map(Filling::cells).collect()
    }

    /// None: the line has nothing for this record but what every line has.
    fn item(&self, cells: &[&str], update: bool) -> Result<Option<(Envelope, WriteItem)>, Why> {
        let (mut fields, mut about, mut own) = (BTreeMap::new(), BTreeMap::new(), false);
        for slot in &self.fields {
            let Some(value) = slot.value(cells, update)? else { continue };
            own |= value.is_some() && slot.text.constant().is_none();
            if let (Some(_), Some(whom)) = (&value, &slot.about) {
                about.insert(
                    slot.field.name,
                    whom.id(cells).ok_or(Why::code(Code::SubjectMismatch).at(slot.field.name))?,
                );
            }
            fields.insert(slot.field.name, value);
        }
        if !own {
            return Ok(None);
        }
        let without = self.required.iter().find(|name| !fields.contains_key(*name));
        if let (Some(name), false) = (without, update) {
            return Err(Why::code(Code::FieldRequired).at(*name));
        }
        let source = self.source(cells, &fields)?;
        let item = WriteItem {
            category: self.category,
            person: self.person.id(cells).ok_or(Why::of("invalid_person"))?,
            record: self.record.id(cells).ok_or(Why::of("invalid_record"))?,
            expected_version: None,
            source,
            known: self.known.of(cells).map_err(|_| Why::of("invalid_known"))?,
            fields,
            about,
        };
        Ok(Some((self.around(cells)?, item)))
    }

    fn around(&self, cells: &[&str]) -> Result<Envelope, Why> {
        let controller = match &self.controller {
            None => None,
            Some(filling) => {
                let name = filling.whole(cells).and_then(|text| Name::new(&text).ok());
                Some(name.ok_or(Why::of("invalid_controller"))?)
            }
        };
        let words = |filling: &Option<Filling>, code| match filling.as_ref().map(|filling| filling.whole(cells)) {
            None => Ok(None),
            Some(Some(text)) if text.len() <= WORDS_BYTES_MAX => Ok(Some(text.to_string())),
            Some(_) => Err(Why::of(code)),
        };
        let case = words(&self.case, "invalid_case")?;
        if self.case_required && case.is_none() {
            return Err(Why::code(Code::CaseRequired));
        }
        Ok(Envelope { controller, purpose: self.purpose, case, reason: words(&self.reason, "invalid_reason")? })
    }

    fn source(&self, cells: &[&str], fields: &BTreeMap<Name, Option<Value>>) -> Result<Option<Provenance>, Why> {
        let source = match self.source.as_ref().map(|filling| filling.whole(cells)) {
            None => None,
            Some(text) => {
                let source = text.and_then(|text| Provenance::from_text(&text));
                Some(source.ok_or(Why::of("invalid_source"))?)
            }
        };
        let Some(source) = source else {
            return if self.source_required { Err(Why::code(Code::SourceRequired)) } else { Ok(None) };
        };
        let set = |slot: &&Slot| fields.get(&slot.field.name).is_some_and(Option::is_some);
        match self.fields.iter().filter(set).find(|slot| !slot.field.source.contains(&source)) {
            Some(slot) => Err(Why::code(Code::SourceNotTaken).at(slot.field.name)),
            None => Ok(Some(source)),
        }
    }
}

impl KnownFilling {
    /// The key of a cell that is not what it stands for. One with nothing in it says nothing.
    fn of(&self, cells: &[&str]) -> Result<Known, &'static str> {
        let text = |filling: &Option<Filling>| filling.as_ref().and_then(|filling| filling.whole(cells));
        let reference = text(&self.reference).map(|text| ExternalId::new(text.as_str())).transpose();
        let verified_at = text(&self.verified_at).map(|text| Day::new(&text)).transpose();
        let confidence =
            text(&self.confidence).map(|text| Confidence::from_text(&text).ok_or("confidence")).transpose();
        let in_confidence = text(&self.in_confidence).map(|text| text.parse()).transpose();
        Ok(Known {
            reference: reference.map_err(|_| "reference")?,
            verified_at: verified_at.map_err(|_| "verified_at")?,
            confidence: confidence?,
            in_confidence: in_confidence.map_err(|_| "in_confidence")?.unwrap_or(false),
            ..Known::default()
        })
    }
}

impl Slot {
    /// None: nothing is said of the field. `Some(None)`: it is taken out of the record.
    fn value(&self, cells: &[&str], update: bool) -> Result<Option<Option<Value>>, Why> {
        let at = |why: Why| why.at(self.field.name);
        let text = match self.text.field(cells, &self.cells) {
            Some(text) => text,
            None => {
                return match self.cells.empty {
                    Empty::Refuse => Err(at(Why::of("empty_cell"))),
                    Empty::Remove if update => Ok(Some(None)),
                    Empty::Remove | Empty::Absent => Ok(None),
                };
            }
        };
        let text = match (self.words.get(text.as_str()), &self.format) {
            (Some(word), _) => Zeroizing::new(word.clone()),
            (None, Some(format)) => {
                let applied = format.apply(self.field.kind, &text).map(Zeroizing::new);
                applied.ok_or_else(|| at(Why::of("invalid_format")))?
            }
            (None, None) => text,
        };
        self.field.validate(&text).map_err(|_| at(Why::code(Code::InvalidValue)))?;
        Ok(Some(Some(Value::new(text.to_string()))))
    }
}

impl Filling {
    fn constant(&self) -> Option<&str> {
        match self {
            Filling::Constant(text) => Some(text),
            Filling::Parts(_) => None,
        }
    }

    fn cells(&self) -> Vec<usize> {
        match self {
            Filling::Constant(_) => Vec::new(),
            Filling::Parts(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Piece::Text(_) => None,
                    Piece::Cell(at) => Some(*at),
                })
                .collect(),
        }
    }

    /// What names something: spaces around a cell never belong to it, and a cell with nothing in it gives no name.
    fn whole(&self, cells: &[&str]) -> Option<Zeroizing<String>> {
        match self {
            Filling::Constant(text) => Some(Zeroizing::new(text.clone())),
            Filling::Parts(parts) => {
                let mut whole = Zeroizing::new(String::new());
                for part in parts {
                    match part {
                        Piece::Text(text) => whole.push_str(text),
                        Piece::Cell(at) => whole.push_str(Some(cells[*at].trim()).filter(|cell| !cell.is_empty())?),
                    }
                }
                Some(whole)
            }
        }
    }

    fn id(&self, cells: &[&str]) -> Option<ExternalId> {
        self.whole(cells).and_then(|text| ExternalId::new(text.as_str()).ok())
    }

    /// What a field holds. None: its columns have nothing in them.
    fn field(&self, cells: &[&str], rules: &Cells) -> Option<Zeroizing<String>> {
        let parts = match self {
            Filling::Constant(text) => return Some(Zeroizing::new(text.clone())),
            Filling::Parts(parts) => parts,
        };
        let (mut text, mut any) = (Zeroizing::new(String::new()), false);
        for part in parts {
            match part {
                Piece::Text(constant) => text.push_str(constant),
                Piece::Cell(at) => {
                    let cell = if rules.trim { cells[*at].trim() } else { cells[*at] };
                    if !cell.is_empty() && !rules.absent.iter().any(|absent| absent == cell) {
                        any = true;
                        text.push_str(cell);
                    }
                }
            }
        }
        if !any {
            return None;
        }
        Some(if rules.trim { Zeroizing::new(text.trim().to_owned()) } else { text })
    }
}

/// Holds the parts of a map against header and schema.
struct Binder<'a> {
    source: &'a Source,
    header: &'a [&'a str],
    schema: &'a SchemaAnswer,
    update: bool,
}

impl Binder<'_> {
    fn block(&self, map: &RecordMap) -> Result<Block, Mistake> {
        let name = *map.category.get_ref();
        let category = self.schema.categories.iter().find(|category| category.name == name);
        let category = category.ok_or_else(|| self.at(&map.category, "category", "the schema has no such category"))?;
        if !category.purposes.contains(map.purpose.get_ref()) {
            return Err(self.at(&map.purpose, "purpose", format!("none of the purposes of {name}")));
        }
        if category.append_only && self.update {
            let what = format!("records of {name} are only added; leave out `--update`");
            return Err(self.at(&map.category, "category", what));
        }
        self.required(map, category)?;
        let optional = |text: &Option<Text>, key| text.as_ref().map(|text| self.filling(text, key)).transpose();
        let block = Block {
            category: name,
            purpose: *map.purpose.get_ref(),
            controller: optional(&map.controller, "controller")?,
            person: self.filling(&map.person, "person")?,
            record: self.filling(&map.record, "record")?,
            case: optional(&map.case, "case")?,
            reason: optional(&map.reason, "reason")?,
            source: optional(&map.from, "source")?,
            known: KnownFilling {
                reference: optional(&map.reference, "reference")?,
                verified_at: optional(&map.verified_at, "verified_at")?,
                confidence: optional(&map.confidence, "confidence")?,
                in_confidence: optional(&map.in_confidence, "in_confidence")?,
            },
            case_required: category.case_required,
            source_required: category.source_required,
            required: category.fields.iter().filter(|field| field.required).map(|field| field.name).collect(),
            fields: map.fields.iter().map(|field| self.slot(field, map, category)).collect::<Result<_, _>>()?,
        };
        self.constants(map, &block)?;
        Ok(block)
    }

    fn required(&self, map: &RecordMap, category: &Category) -> Result<(), Mistake> {
        let missing = |key: &str, why: &str| Err(self.at(&map.category, key, format!("{} {why}", category.name)));
        if category.case_required && map.case.is_none() {
            return missing("case", "is opened for a case only; give `case`");
        }
        if category.source_required && map.from.is_none() {
            return missing("source", "asks where its values come from; give `source`");
        }
        let mapped = |field: &&Field| map.fields.iter().any(|mapped| mapped.name == field.name);
        match category.fields.iter().find(|field| field.required && !self.update && !mapped(field)) {
            Some(field) => missing("fields", &format!("has no record without {}", field.name)),
            None => Ok(()),
        }
    }

    /// What is the same for every line is wrong for every line, or for none.
    fn constants(&self, map: &RecordMap, block: &Block) -> Result<(), Mistake> {
        let wrong = |text: &Option<Text>, why: Why, key: &str| match text {
            Some(text) if text.get_ref().constant().is_some() => Err(self.at(text, key, why.title())),
            _ => Ok(()),
        };
        let nothing = vec![""; self.header.len()];
        for slot in &block.fields {
            let set = BTreeMap::from([(slot.field.name, Some(Value::new(String::new())))]);
            if let Err(why) = block.source(&nothing, &set) {
                wrong(&map.from, why.in_category(block.category), "source")?;
            }
        }
        if let Err(key) = block.known.of(&nothing) {
            let texts = [
                ("reference", &map.reference),
                ("verified_at", &map.verified_at),
                ("confidence", &map.confidence),
                ("in_confidence", &map.in_confidence),
            ];
            let text = texts.into_iter().find(|(of, _)| *of == key);
            text.map_or(Ok(()), |(_, text)| wrong(text, Why::of("invalid_known"), key))?;
        }
        match block.around(&nothing) {
            Err(why) if why.is("invalid_controller") => wrong(&map.controller, why, "controller"),
            Err(why) if why.is("invalid_case") => wrong(&map.case, why, "case"),
            Err(why) if why.is("invalid_reason") => wrong(&map.reason, why, "reason"),
            _ => Ok(()),
        }
    }

    fn slot(&self, map: &FieldMap, record: &RecordMap, category: &Category) -> Result<Slot, Mistake> {
        let key = map.name.as_str();
        let field = category.fields.iter().find(|field| field.name == map.name);
        let field = field.ok_or_else(|| self.at(&map.text, key, format!("{} has no such field", category.name)))?;
        if !field.purposes.contains(record.purpose.get_ref()) {
            return Err(self.at(&map.text, key, format!("is not used for {}", record.purpose.get_ref())));
        }
        match (field.subject, &map.about) {
            (Subject::Other, None) => {
                return Err(self.at(
                    &map.text,
                    key,
                    "is about somebody else than the record's person; say who with `about`",
                ));
            }
            (Subject::Own, Some(about)) => {
                return Err(self.at(about, "about", "the field is about the record's own person"));
            }
            _ => {}
        }
        let format = match &map.format {
            None => None,
            Some(name) => {
                let format = Format::read(name.get_ref(), field.kind);
                Some(format.map_err(|error| self.at(name, "format", error))?)
            }
        };
        let words = map.words.as_ref().map(|words| words.get_ref().clone()).unwrap_or_default();
        if let (Some(place), Some(why)) = (&map.words, words.values().find_map(|word| field.validate(word).err())) {
            return Err(self.at(place, "words", format!("what one of them stands for {why}")));
        }
        let slot = Slot {
            field: field.clone(),
            text: self.filling(&map.text, key)?,
            format,
            words,
            about: map.about.as_ref().map(|about| self.filling(about, "about")).transpose()?,
            cells: map.cells.clone(),
        };
        if slot.text.constant().is_some() && slot.value(&[], self.update).is_err() {
            return Err(self.at(&map.text, key, "this text does not fit the field"));
        }
        Ok(slot)
    }

    fn filling(&self, text: &Text, key: &str) -> Result<Filling, Mistake> {
        let template: &Template = text.get_ref();
        if let Some(constant) = template.constant() {
            return Ok(Filling::Constant(constant.to_owned()));
        }
        let piece = |part: &Part| match part {
            Part::Text(text) => Ok(Piece::Text(text.clone())),
            Part::Column(name) => self.column(name).map(Piece::Cell).map_err(|what| self.at(text, key, what)),
        };
        template.parts().iter().map(piece).collect::<Result<_, _>>().map(Filling::Parts)
    }

    /// Names the column that the map wants, never one of the file: a file without a header begins with data.
    fn column(&self, name: &str) -> Result<usize, String> {
        let mut found = self.header.iter().enumerate().filter(|(_, heading)| heading.trim() == name);
        match (found.next(), found.next()) {
            (Some((at, _)), None) => Ok(at),
            (Some(_), Some(_)) => Err(format!("the file has several columns `{name}`")),
            (None, _) => Err(format!("the file's first line names no column `{name}`")),
        }
    }

    fn at<T>(&self, place: &Spanned<T>, key: &str, what: impl std::fmt::Display) -> Mistake {
        self.source.at(place.span(), key, what)
    }
}
