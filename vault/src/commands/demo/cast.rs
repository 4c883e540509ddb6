//! The tenants whom the story is about, found in the sample data.

use std::collections::BTreeSet;

use super::sample::{Row, Sample};
use super::told::{NotAsTold, some};

/// The landlord whose staff the story follows, and the other one.
pub const OAKVALE: &str = "oakvale";
pub const BROOKSIDE: &str = "brookside";
/// A person who never existed, for neither landlord.
pub const NOBODY: &str = "T-999999";
/// A record that never existed.
pub const NO_RECORD: &str = "B-999999";

/// A balance that makes a poor story.
const NOTHING_OWED: &str = "0.00";

/// The categories that the sample data has.
const CATEGORIES: [&str; 4] = ["bank", "care", "debts", "complaints"];

/// Ids of persons.
pub struct Cast {
    /// Oakvale's, with bank details, care needs and debts.
    pub tenant: String,
    /// Oakvale's, with something in every category; will be erased.
    pub leaver: String,
    /// Oakvale's, with a complaint.
    pub complainant: String,
    /// Brookside's, with bank details; nobody at Oakvale has this id.
    pub neighbour: String,
    /// One id, and another person at each of the two.
    pub namesake: String,
}

impl Cast {
    pub fn of(sample: &Sample) -> Result<Cast, NotAsTold> {
        let who = |controller: &str, category: &str| persons(sample, controller, category);
        let in_all = |controller: &str, categories: &[&str]| {
            let sets = categories.iter().map(|category| who(controller, category));
            sets.reduce(|a, b| &a & &b).unwrap_or_default()
        };
        let first = |found: &BTreeSet<&str>, what| some(found.first().map(|id| (*id).to_owned()), what);

        let leaver = first(&in_all(OAKVALE, &CATEGORIES), "tenant in all categories")?;
        let mut others = in_all(OAKVALE, &CATEGORIES[..3]);
        others.remove(leaver.as_str());
        let mut complainants = who(OAKVALE, "complaints");
        complainants.remove(leaver.as_str());
        let everyone: BTreeSet<_> =
            sample.rows.iter().filter(|row| row.controller == OAKVALE).map(|row| row.person.as_str()).collect();
        let at_brookside = who(BROOKSIDE, "bank");
        Ok(Cast {
            tenant: first(&others, "tenant with bank details, care needs and debts")?,
            complainant: first(&complainants, "tenant with a complaint")?,
            neighbour: first(&(&at_brookside - &everyone), "tenant of Brookside alone")?,
            namesake: first(&(&at_brookside & &who(OAKVALE, "bank")), "id with two persons")?,
            leaver,
        })
    }
}

/// Who has a record in a category that the story can show.
fn persons<'a>(sample: &'a Sample, controller: &str, category: &str) -> BTreeSet<&'a str> {
    let rows = sample.rows.iter().filter(|row| row.controller == controller && row.category == category);
    rows.filter(|row| complete(row)).map(|row| row.person.as_str()).collect()
}

/// Whether the record has the field that the story shows of its category.
fn complete(row: &Row) -> bool {
    let shown = match row.category {
        "bank" => "account_number",
        "care" => "access_notes",
        "debts" => "balance",
        _ => "summary",
    };
    row.field(shown).is_some_and(|value| value != NOTHING_OWED)
}
