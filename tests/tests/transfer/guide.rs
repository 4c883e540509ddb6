//! The guide's own example, as it stands in docs/IMPORT.md.

use std::path::PathBuf;

use coffer_tests::harness::{Home, Store};

use super::clerk::{Clerk, Values};

fn repository(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::read_to_string(path).unwrap()
}

fn example(file: &str) -> String {
    repository(&format!("docs/examples/import/{file}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_example_ends_as_the_guide_says() {
    let vault = Home::new(Store::Memory).serve();
    let clerk = Clerk::at_the_bank(&vault);
    clerk.save_schema();
    for file in ["tenants.csv", "tenants.toml"] {
        clerk.file(file, example(file));
    }
    let before = vault.log_size();
    let words = ["record", "import", "tenants.csv", "--map", "tenants.toml", "--schema", "schema.json"];
    let rehearsed = clerk.coffer(&[&words[..], &["--dry-run", "--refused", "refused.csv"]].concat()).ended(1);
    assert_eq!(vault.log_size(), before, "a rehearsal sends nothing");
    rehearsed.says("4 of 10 lines refused").says("payment card numbers");
    let without_card: String = example("refused.csv")
        .lines()
        .filter(|line| !line.contains("card_number"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(clerk.text("refused.csv"), without_card);

    let imported = clerk.coffer(&[&words[..], &["--refused", "refused.csv"]].concat()).ended(1);
    imported.says("5 of 10 lines refused; refused.csv names them");
    assert_eq!(clerk.text("refused.csv"), example("refused.csv"));
    let fields = ["account_name", "sort_code", "account_number", "payment_method", "mandate_date"];
    let text = |values: [&str; 5]| {
        let values = values.map(|value| Some(value.to_owned()).filter(|value| !value.is_empty()));
        Some(Values { version: 1, values: values.into() })
    };
    for (person, record, values) in [
        ("T-000001", "B-7001", text(["Mabel Grabowski", "00-54-16", "00003431", "direct-debit", "2020-09-06"])),
        ("T-000002", "B-7002", text(["Bogdan Halliwell", "00-51-20", "00007258", "standing-order", "2023-11-10"])),
        ("T-000010", "B-7010", text(["Wren", "00-66-77", "00006789", "cash", ""])),
        ("T-000006", "B-7006", None),
        ("T-000008", "B-7008", None),
    ] {
        assert_eq!(clerk.read("payments", "bank", (person, record), &fields).await, values, "{record}");
    }
    // Nothing of a value or an id lies beside the CSV or was said.
    let told =
        [clerk.text("tenants.csv.coffer-import"), clerk.text("refused.csv"), imported.out, imported.said].concat();
    for word in ["T-0000", "B-70", "Ashdown", "cheque", "4000", "00-12-34", "31/02"] {
        assert!(!told.contains(word), "{word} was told: {told}");
    }
}

#[test]
fn the_guide_shows_the_files_as_they_are() {
    let guide = repository("docs/IMPORT.md");
    for (file, kind) in [("tenants.csv", "csv"), ("tenants.toml", "toml"), ("refused.csv", "csv")] {
        let block = format!("```{kind}\n{}```", example(file));
        assert!(guide.contains(&block), "docs/IMPORT.md does not show {file} as it is");
    }
}

/// Every key that a map takes stands in the guide.
#[test]
fn the_guide_names_every_key_and_format() {
    let guide = repository("docs/IMPORT.md");
    for key in [
        "delimiter",
        "spreadsheet_safe",
        "controller",
        "person",
        "purpose",
        "case",
        "reason",
        "source",
        "reference",
        "verified_at",
        "confidence",
        "in_confidence",
        "trim",
        "absent",
        "empty",
        "category",
        "record",
        "fields",
        "from",
        "format",
        "words",
        "about",
        "pounds",
        "pence",
        "comma",
        "digits",
        "padded",
        "loose",
        "crlf",
        "one-line",
        "remove",
        "refuse",
    ] {
        let named = [format!("`{key}`"), format!("\"{key}\"`")].iter().any(|name| guide.contains(name));
        assert!(named, "docs/IMPORT.md says nothing of `{key}`");
    }
}
