//! The sample data of the repository, carried in the program so that the demo runs anywhere.

use coffer_client::ask;
use coffer_client::wire::api::WriteItem;

use super::told::{NotAsTold, some};

/// Category, and its records as tests/data/README.md describes them.
const FILES: [(&str, &str); 4] = [
    ("bank", include_str!("../../../../tests/data/bank.csv")),
    ("care", include_str!("../../../../tests/data/care.csv")),
    ("debts", include_str!("../../../../tests/data/debts.csv")),
    ("complaints", include_str!("../../../../tests/data/complaints.csv")),
];

/// Columns before the fields: controller, person, record.
const LEADING: usize = 3;
/// The column that says whom [`ABOUT_FIELD`] is about.
const ABOUT_COLUMN: &str = "witness_person";
const ABOUT_FIELD: &str = "witness_statement";
/// Fields whose values are choices from the schema's closed lists.
const CHOICES: [&str; 4] = ["payment_method", "mobility", "status", "stage"];

/// All records of all categories.
pub struct Sample {
    pub rows: Vec<Row>,
}

/// One record. It has only the fields that are not empty.
pub struct Row {
    pub category: &'static str,
    pub controller: String,
    pub person: String,
    pub record: String,
    pub fields: Vec<(String, String)>,
    about: Option<String>,
}

impl Sample {
    pub fn read() -> Result<Sample, NotAsTold> {
        let mut rows = Vec::new();
        for (category, text) in FILES {
            read(category, text, &mut rows)?;
        }
        Ok(Sample { rows })
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
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// What would tell of this record: its ids and values, but not choices from the schema's lists.
    pub fn telling(&self) -> impl Iterator<Item = &str> {
        let values = self.fields.iter().filter(|(field, _)| !CHOICES.contains(&field.as_str()));
        [self.person.as_str(), self.record.as_str()].into_iter().chain(values.map(|(_, value)| value.as_str()))
    }

    /// The record as it is written, if it is not there yet.
    pub fn to_item(&self) -> Result<WriteItem, NotAsTold> {
        let mut draft = ask::write(self.category, &self.person, &self.record)?.expecting(0);
        for (field, value) in &self.fields {
            draft = match &self.about {
                Some(whom) if field == ABOUT_FIELD => draft.set_about(field, whom, value)?,
                _ => draft.set(field, value)?,
            };
        }
        Ok(draft.into())
    }
}

fn read(category: &'static str, text: &str, rows: &mut Vec<Row>) -> Result<(), NotAsTold> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers()?.clone();
    for line in reader.records() {
        let line = line?;
        let cell = |at: usize| line.get(at).unwrap_or_default().to_owned();
        let cells = columns.iter().zip(line.iter()).skip(LEADING).filter(|(_, value)| !value.is_empty());
        let mut fields: Vec<_> = cells.map(|(column, value)| (column.to_owned(), value.to_owned())).collect();
        let about = fields.extract_if(.., |(column, _)| column == ABOUT_COLUMN).next().map(|(_, person)| person);
        rows.push(Row { category, controller: cell(0), person: cell(1), record: cell(2), fields, about });
    }
    Ok(())
}
