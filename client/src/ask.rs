//! What can be asked of a record, made from plain texts.

use std::collections::BTreeMap;

use coffer_wire::api::{EraseItem, EraseSubjectItem, Form, ListItem, ReadItem, WriteItem};
use coffer_wire::{Confidence, Day, ExternalId, Known, Name, Provenance, Value};

use crate::error::Error;

/// Fields of a record as they are.
pub fn clear(category: &str, person: &str, record: &str, fields: &[&str]) -> Result<ReadItem, Error> {
    read(category, person, record, fields, Form::Clear)
}

/// What the masks of the fields leave of them.
pub fn masked(category: &str, person: &str, record: &str, fields: &[&str]) -> Result<ReadItem, Error> {
    read(category, person, record, fields, Form::Masked)
}

/// Fields of a record in a form that is named: of a date of birth also [`Form::Band`] or whether an age is reached.
pub fn shown_as(form: Form, category: &str, person: &str, record: &str, fields: &[&str]) -> Result<ReadItem, Error> {
    read(category, person, record, fields, form)
}

fn read(category: &str, person: &str, record: &str, fields: &[&str], form: Form) -> Result<ReadItem, Error> {
    Ok(ReadItem {
        category: Name::new(category)?,
        person: ExternalId::new(person)?,
        record: ExternalId::new(record)?,
        fields: fields.iter().map(|field| Name::new(field)).collect::<Result<_, _>>()?,
        form,
    })
}

/// The records that a person has in a category.
pub fn records_of(category: &str, person: &str) -> Result<ListItem, Error> {
    Ok(ListItem { category: Name::new(category)?, person: ExternalId::new(person)?, not_verified_since: None })
}

/// The same, naming of each record the fields of which nobody has made sure since a day.
pub fn stale_records_of(category: &str, person: &str, since: Day) -> Result<ListItem, Error> {
    Ok(ListItem { not_verified_since: Some(since), ..records_of(category, person)? })
}

/// One record, to be erased.
pub fn record(category: &str, person: &str, record: &str) -> Result<EraseItem, Error> {
    Ok(EraseItem { category: Name::new(category)?, person: ExternalId::new(person)?, record: ExternalId::new(record)? })
}

/// One person, to be erased from these categories; from all where none is named.
pub fn person(person: &str, categories: &[&str]) -> Result<EraseSubjectItem, Error> {
    let categories = categories.iter().map(|category| Name::new(category)).collect::<Result<_, _>>()?;
    Ok(EraseSubjectItem { person: ExternalId::new(person)?, categories })
}

/// A record to write. Fields that are not set stay as they are.
pub fn write(category: &str, person: &str, record: &str) -> Result<Draft, Error> {
    Ok(Draft(WriteItem {
        category: Name::new(category)?,
        person: ExternalId::new(person)?,
        record: ExternalId::new(record)?,
        expected_version: None,
        source: None,
        known: Known::default(),
        fields: BTreeMap::new(),
        about: BTreeMap::new(),
    }))
}

/// A write in the making.
#[must_use]
pub struct Draft(WriteItem);

impl Draft {
    /// Sets a field. This copy of the text is wiped once it was sent.
    pub fn set(mut self, field: &str, value: impl Into<String>) -> Result<Draft, Error> {
        self.0.fields.insert(Name::new(field)?, Some(Value::new(value.into())));
        Ok(self)
    }

    /// Sets a field that is about somebody else than the record's person.
    pub fn set_about(mut self, field: &str, whom: &str, value: impl Into<String>) -> Result<Draft, Error> {
        self.0.about.insert(Name::new(field)?, ExternalId::new(whom)?);
        self.set(field, value)
    }

    /// Takes a field out of the record.
    pub fn remove(mut self, field: &str) -> Result<Draft, Error> {
        self.0.fields.insert(Name::new(field)?, None);
        Ok(self)
    }

    /// Where the values come from. Some categories ask for it.
    pub fn from_source(mut self, source: Provenance) -> Draft {
        self.0.source = Some(source);
        self
    }

    /// Out of which document, or from which contact, the values come: a short id of the application's own.
    pub fn with_reference(mut self, reference: &str) -> Result<Draft, Error> {
        self.0.known.reference = Some(ExternalId::new(reference)?);
        Ok(self)
    }

    /// How sure the values are.
    pub fn with_confidence(mut self, confidence: Confidence) -> Draft {
        self.0.known.confidence = Some(confidence);
        self
    }

    /// Source and reference were given in confidence.
    pub fn in_confidence(mut self) -> Draft {
        self.0.known.in_confidence = true;
        self
    }

    /// The day on which somebody made sure of the values, and of these fields, which stay as they are.
    pub fn verified(mut self, on: Day, fields: &[&str]) -> Result<Draft, Error> {
        self.0.known.verified_at = Some(on);
        self.0.known.verified = fields.iter().map(|field| Name::new(field)).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Whether the person disputes the value of a field.
    pub fn disputed(mut self, field: &str, disputed: bool) -> Result<Draft, Error> {
        self.0.known.disputed.insert(Name::new(field)?, disputed);
        Ok(self)
    }

    /// Only if the record has this version; 0: only if it does not exist yet.
    pub fn expecting(mut self, version: u32) -> Draft {
        self.0.expected_version = Some(version);
        self
    }
}

impl From<Draft> for WriteItem {
    fn from(draft: Draft) -> WriteItem {
        draft.0
    }
}
