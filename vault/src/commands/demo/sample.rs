//! The sample data of the repository, carried in the program so that the demo runs anywhere.

use coffer_client::ask;
use coffer_client::wire::api::WriteItem;
use coffer_vault::local;
use coffer_vault::schema::{self, Kind, Schema, Subject};
use coffer_wire::{Name, Provenance};

use super::told::{NotAsTold, some};

/// Category, and its records as tests/data/README.md describes them.
const FILES: [(&str, &str); 22] = [
    ("bank", include_str!("../../../../tests/data/bank.csv")),
    ("benefits", include_str!("../../../../tests/data/benefits.csv")),
    ("care", include_str!("../../../../tests/data/care.csv")),
    ("complaints", include_str!("../../../../tests/data/complaints.csv")),
    ("contact", include_str!("../../../../tests/data/contact.csv")),
    ("contact_log", include_str!("../../../../tests/data/contact_log.csv")),
    ("correspondence", include_str!("../../../../tests/data/correspondence.csv")),
    ("credit", include_str!("../../../../tests/data/credit.csv")),
    ("debts", include_str!("../../../../tests/data/debts.csv")),
    ("feedback", include_str!("../../../../tests/data/feedback.csv")),
    ("housing_needs", include_str!("../../../../tests/data/housing_needs.csv")),
    ("incidents", include_str!("../../../../tests/data/incidents.csv")),
    ("marketing", include_str!("../../../../tests/data/marketing.csv")),
    ("media_consent", include_str!("../../../../tests/data/media_consent.csv")),
    ("offences", include_str!("../../../../tests/data/offences.csv")),
    ("profile", include_str!("../../../../tests/data/profile.csv")),
    ("public_social", include_str!("../../../../tests/data/public_social.csv")),
    ("recordings", include_str!("../../../../tests/data/recordings.csv")),
    ("repairs", include_str!("../../../../tests/data/repairs.csv")),
    ("representatives", include_str!("../../../../tests/data/representatives.csv")),
    ("service_payments", include_str!("../../../../tests/data/service_payments.csv")),
    ("tenancy", include_str!("../../../../tests/data/tenancy.csv")),
];

/// Columns before the fields: controller, person, record.
const LEADING: usize = 3;
/// The columns that say whom the fields about another person are about.
const ABOUT_COLUMNS: [&str; 2] = ["about", "witness_person"];

/// All records of all categories.
pub struct Sample {
    pub rows: Vec<Row>,
    /// What the records are by: the schema of a new home.
    pub schema: Schema,
}

/// One record. It has only the fields that are not empty.
pub struct Row {
    pub category: &'static str,
    pub controller: String,
    pub person: String,
    pub record: String,
    fields: Vec<Field>,
    about: Option<String>,
}

struct Field {
    name: String,
    value: String,
    /// It is about another person.
    is_others: bool,
    /// Whoever saw the value would know something of somebody: it is no choice of a list and no plain number.
    tells: bool,
}

impl Sample {
    pub fn read() -> Result<Sample, NotAsTold> {
        let schema = local::schema().map_err(NotAsTold::new)?;
        let mut rows = Vec::new();
        for (category, text) in FILES {
            read(declared(&schema, category)?, category, text, &mut rows)?;
        }
        Ok(Sample { rows, schema })
    }

    /// What the schema declares of a category.
    pub fn declared(&self, category: &str) -> Result<&schema::Category, NotAsTold> {
        declared(&self.schema, category)
    }

    pub fn of_category<'a>(&'a self, category: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.category == category)
    }

    /// The first record of a person in a category.
    pub fn of(&self, category: &str, controller: &str, person: &str) -> Result<&Row, NotAsTold> {
        let found = self.rows.iter().find(|row| row.is_of(category, controller, person));
        some(found, "such record in the sample data")
    }
}

impl Row {
    pub fn is_of(&self, category: &str, controller: &str, person: &str) -> bool {
        self.category == category && self.controller == controller && self.person == person
    }

    /// A field, or nothing where the record has none of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// What would tell of this record: its ids and values, but not choices from the schema's lists.
    pub fn telling(&self) -> impl Iterator<Item = &str> {
        let values = self.fields.iter().filter(|field| field.tells);
        [self.person.as_str(), self.record.as_str()].into_iter().chain(values.map(|field| field.value.as_str()))
    }

    /// The record as it is written, if it is not there yet.
    pub fn to_item(&self, source: Option<Provenance>) -> Result<WriteItem, NotAsTold> {
        let mut draft = ask::write(self.category, &self.person, &self.record)?.expecting(0);
        for Field { name, value, is_others, .. } in &self.fields {
            draft = match &self.about {
                Some(whom) if *is_others => draft.set_about(name, whom, value)?,
                _ => draft.set(name, value)?,
            };
        }
        Ok(match source {
            Some(source) => draft.from_source(source).into(),
            None => draft.into(),
        })
    }
}

fn declared<'a>(schema: &'a Schema, category: &str) -> Result<&'a schema::Category, NotAsTold> {
    let name = Name::new(category).map_err(NotAsTold::new)?;
    some(schema.category(&name), "such category in the schema")
}

fn read(declared: &schema::Category, category: &'static str, text: &str, rows: &mut Vec<Row>) -> Result<(), NotAsTold> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers()?.clone();
    for line in reader.records() {
        let line = line?;
        let cell = |at: usize| line.get(at).unwrap_or_default().to_owned();
        let cells = columns.iter().zip(line.iter()).skip(LEADING).filter(|(_, value)| !value.is_empty());
        let (mut fields, mut about) = (Vec::new(), None);
        for (column, value) in cells {
            match ABOUT_COLUMNS.contains(&column) {
                true => about = Some(value.to_owned()),
                false => fields.push(field(declared, column, value)?),
            }
        }
        rows.push(Row { category, controller: cell(0), person: cell(1), record: cell(2), fields, about });
    }
    Ok(())
}

fn field(category: &schema::Category, column: &str, value: &str) -> Result<Field, NotAsTold> {
    let name = Name::new(column).map_err(NotAsTold::new)?;
    let declared = some(category.field(&name), column)?;
    Ok(Field {
        name: column.to_owned(),
        value: value.to_owned(),
        is_others: declared.subject == Subject::Other,
        tells: !matches!(declared.kind, Kind::Enum(_) | Kind::Number),
    })
}
