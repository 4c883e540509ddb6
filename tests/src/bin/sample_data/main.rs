//! Writes the sample data of the demo and the tests: a thousand tenants of two landlords, all
//! invented, the same for the same seed on every machine.
//!
//! ```text
//! sample_data                     writes tests/data/*.csv
//! sample_data --check             compares instead; fails if a file differs
//! sample_data --seed 7 --dir DIR  other people, another place
//! ```
//!
//! Nothing in it can be anybody's: sort codes begin with 00 and account numbers with 0000, which no
//! bank gives out; telephone numbers are from the ranges that Ofcom keeps for drama; mail goes to
//! example.org (RFC 2606); postcodes are of an area that there is none of.

mod category;
mod choice;
mod home;
mod money;
mod people;
mod safety;
mod table;
mod talk;
mod tenant;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use category::CATEGORIES;
use tenant::tenants;

/// The seed of the files that are checked in.
const SEED: u64 = 1_000;

fn main() -> ExitCode {
    match Wanted::from_arguments(std::env::args().skip(1)).and_then(|wanted| wanted.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(told) => {
            eprintln!("sample_data: {told}");
            ExitCode::FAILURE
        }
    }
}

struct Wanted {
    seed: u64,
    dir: PathBuf,
    check: bool,
}

impl Wanted {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
        let mut wanted = Wanted { seed: SEED, dir: checked_in(), check: false };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--check" => wanted.check = true,
                "--dir" => wanted.dir = value()?.into(),
                "--seed" => wanted.seed = value()?.parse().map_err(|_| "a seed is a whole number".to_owned())?,
                _ => return Err(format!("{argument} is not known; there are --check, --dir DIR and --seed N")),
            }
        }
        Ok(wanted)
    }

    fn run(&self) -> Result<(), String> {
        for (name, text) in files(self.seed) {
            let path = self.dir.join(format!("{name}.csv"));
            let shown = path.display();
            if self.check {
                let there = std::fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
                compare(&text, &there).map_err(|line| format!("{shown} differs from line {line} on"))?;
            } else {
                std::fs::write(&path, &text).map_err(|error| format!("{shown}: {error}"))?;
                println!("{shown}: {} records, {} bytes", text.lines().count() - 1, text.len());
            }
        }
        Ok(())
    }
}

/// Every file of a seed: category and text.
fn files(seed: u64) -> Vec<(&'static str, String)> {
    let tenants = tenants(seed);
    CATEGORIES.iter().map(|category| (category.name, category.table(seed, &tenants))).collect()
}

/// The first line, from 1, in which two texts differ.
fn compare(expected: &str, there: &str) -> Result<(), usize> {
    if expected == there {
        return Ok(());
    }
    let same = expected.split('\n').zip(there.split('\n')).take_while(|(a, b)| a == b);
    Err(same.count() + 1)
}

fn checked_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use coffer_vault::schema::Schema;

    use super::*;

    /// Bytes of all files together, at most: they are read by people and kept in the repository.
    const BYTES_MAX: usize = 1_000_000;

    type Row = BTreeMap<String, String>;

    /// Columns that are no field: whom the fields about another person are about.
    const ABOUT: [&str; 2] = ["about", "witness_person"];

    /// The shipped schema.
    fn schema() -> Schema {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vault/templates/schema");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let named = files.map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        });
        Schema::read(&named.collect::<Vec<_>>()).unwrap()
    }

    fn rows(text: &str) -> Vec<Row> {
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
    }

    fn all_rows() -> Vec<(&'static str, Vec<Row>)> {
        files(SEED).into_iter().map(|(name, text)| (name, rows(&text))).collect()
    }

    #[test]
    fn the_files_that_are_checked_in_are_those_of_the_seed() {
        Wanted { seed: SEED, dir: checked_in(), check: true }.run().unwrap();
    }

    #[test]
    fn a_file_that_differs_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let at = |check| Wanted { seed: 3, dir: dir.path().into(), check };
        at(false).run().unwrap();
        at(true).run().unwrap();
        let path = dir.path().join("care.csv");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("C-000001", "C-999999", 1)).unwrap();
        assert!(at(true).run().unwrap_err().ends_with("care.csv differs from line 2 on"));
        assert_eq!(compare("a\nb\n", "a\nb"), Err(3));
    }

    #[test]
    fn another_seed_is_other_people() {
        for ((name, one), (_, other)) in files(SEED).into_iter().zip(files(SEED + 1)) {
            assert_ne!(one, other, "{name}");
        }
    }

    #[test]
    fn a_thousand_tenants_of_two_landlords_share_some_ids_and_no_data() {
        let mut people: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in all_rows().into_iter().flat_map(|(_, rows)| rows) {
            people.entry(row["controller"].clone()).or_default().insert(row["person"].clone());
        }
        let [oakvale, brookside] = ["oakvale", "brookside"].map(|name| people[name].clone());
        assert_eq!((people.len(), oakvale.len(), brookside.len()), (2, 500, 500));
        assert_eq!(oakvale.intersection(&brookside).count(), 100);
    }

    #[test]
    fn every_category_of_the_shipped_schema_has_its_file() {
        let shipped: BTreeSet<_> = schema().iter().map(|category| category.name.to_string()).collect();
        let files: BTreeSet<_> = all_rows().into_iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(files, shipped);
    }

    #[test]
    fn every_value_is_one_that_the_shipped_schema_takes() {
        let schema = schema();
        for (name, rows) in all_rows() {
            let category = schema.category(&name.parse().unwrap()).unwrap();
            let columns = rows[0].keys().filter(|column| !ABOUT.contains(&column.as_str()));
            for column in columns.filter(|column| !["controller", "person", "record"].contains(&column.as_str())) {
                let field = category.field(&column.parse().unwrap()).unwrap();
                let values = rows.iter().map(|row| &row[column]).filter(|value| !value.is_empty());
                let refused = values.clone().find(|value| field.validate(value).is_err());
                assert_eq!(refused, None, "{name}, {column}");
                let seen = values.count();
                assert!(seen > 0 || column == "withdrawn_on", "{name}, {column}");
            }
            for field in category.fields.iter().filter(|field| field.required) {
                assert!(rows.iter().all(|row| !row[field.name.as_str()].is_empty()), "{name}, {}", field.name);
            }
        }
    }

    #[test]
    fn no_record_stands_twice() {
        for (name, rows) in all_rows() {
            let records: BTreeSet<_> = rows.iter().map(|row| (&row["controller"], &row["record"])).collect();
            assert_eq!(records.len(), rows.len(), "{name}");
        }
    }

    #[test]
    fn a_witness_is_somebody_else() {
        let rows = rows(&files(SEED).into_iter().find(|(name, _)| *name == "complaints").unwrap().1);
        for row in &rows {
            assert_eq!(row["witness_person"].is_empty(), row["witness_statement"].is_empty());
            assert_ne!(row["witness_person"], row["person"]);
        }
        let seen = rows.iter().filter(|row| !row["witness_person"].is_empty()).count();
        assert!((20..rows.len() / 2).contains(&seen), "{seen} of {}", rows.len());
    }

    #[test]
    fn no_number_and_no_address_can_be_anybodys() {
        use coffer_vault::schema::Kind;
        let (schema, mut kinds) = (schema(), BTreeSet::new());
        for (name, rows) in all_rows() {
            let category = schema.category(&name.parse().unwrap()).unwrap();
            for field in &category.fields {
                let is_invented = |value: &str| match field.kind {
                    Kind::Phone => value.starts_with("07700 900") || value.starts_with("01632 960"),
                    Kind::SortCode => value.starts_with("00-"),
                    Kind::AccountNumber => value.starts_with("0000"),
                    Kind::Email => value.ends_with(".example.org"),
                    Kind::Postcode => value.starts_with("ZX"),
                    Kind::NiNumber => value.starts_with("ZG000"),
                    _ => true,
                };
                let values = rows.iter().filter_map(|row| row.get(field.name.as_str()));
                for value in values.filter(|value| !value.is_empty()) {
                    assert!(is_invented(value), "{name}, {}: {value}", field.name);
                    kinds.insert(field.kind.field_type().as_str());
                }
            }
        }
        assert_eq!(kinds.len(), 12, "{kinds:?}");
    }

    #[test]
    fn the_files_stay_small() {
        let bytes: usize = files(SEED).iter().map(|(_, text)| text.len()).sum();
        assert!(bytes < BYTES_MAX, "{bytes}");
    }
}
