//! docs/PROMISES.md against the tests that it names.

use std::collections::BTreeSet;
use std::path::Path;

/// Rows that must be shown, at least.
const SHOWN_MIN: usize = 25;
/// How many rows each letter has.
const ROWS: [(&str, usize); 3] = [("H", 9), ("M", 37), ("W", 62)];

/// A row of the page.
struct Row<'a> {
    id: &'a str,
    state: &'a str,
    rest: &'a str,
}

#[test]
fn the_page_names_every_promise_once_and_tests_that_are_there() {
    let page = std::fs::read_to_string(root().join("docs/PROMISES.md")).unwrap();
    assert_eq!(mistakes(&page, &read), Vec::<String>::new());
}

#[test]
fn a_planted_mistake_is_found() {
    let page = std::fs::read_to_string(root().join("docs/PROMISES.md")).unwrap();
    let line = |id: &str| page.lines().find(|line| line.starts_with(&format!("| {id} |"))).unwrap();
    let shown = "tests/tests/surface/consent.rs::no_read_stands_behind_a_withdrawal_in_the_log";
    for (from, to) in [
        (line("M3"), ""),
        (line("M3"), line("W3")),
        (line("W62"), &format!("{}\n{}", line("W62"), line("W62"))),
        ("| H9 |", "| H10 |"),
        (shown, "tests/tests/surface/consent.rs::no_read_stands"),
        (shown, "tests/tests/surface/consents.rs::no_read_stands_behind_a_withdrawal_in_the_log"),
        // A helper is no test, and one that does not run shows nothing.
        (shown, "tests/tests/surface/consent.rs::agreement"),
        (shown, "vault/src/cards/tests.rs::speed_of_the_guard"),
        ("| shown |", "| held |"),
        ("| shown |", "| in part |"),
        (" are shown,", "0 are shown,"),
    ] {
        let planted = page.replacen(from, to, 1);
        assert_ne!(planted, page, "{from}");
        assert_ne!(mistakes(&planted, &read), Vec::<String>::new(), "{from} -> {to}");
    }
    let few = page.replace("| shown |", "| in part |");
    assert!(mistakes(&few, &read).iter().any(|mistake| mistake.contains("at least")));
}

/// What is wrong with the page.
fn mistakes(page: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let (rows, mut wrong) = (rows(page), Vec::new());
    let mut seen = BTreeSet::new();
    for row in &rows {
        if !seen.insert(row.id.to_owned()) {
            wrong.push(format!("{} stands twice", row.id));
        }
        wrong.extend(of_row(row, read).into_iter().map(|what| format!("{}: {what}", row.id)));
    }
    let wanted: BTreeSet<_> =
        ROWS.iter().flat_map(|(letter, count)| (1..=*count).map(move |at| format!("{letter}{at}"))).collect();
    wrong.extend(wanted.symmetric_difference(&seen).map(|id| format!("{id} is missing or too many")));
    let count = |state: &str| rows.iter().filter(|row| row.state == state).count();
    if count("shown") < SHOWN_MIN {
        wrong.push(format!("{} rows are shown, and must be at least {SHOWN_MIN}", count("shown")));
    }
    let (shown, part, not) = (count("shown"), count("in part"), count("not yet"));
    if !page.contains(&format!("Of {} rows {shown} are shown, {part} in part, {not} not yet.", rows.len())) {
        wrong.push(format!("the page counts otherwise: {shown} shown, {part} in part, {not} not yet"));
    }
    wrong
}

fn rows(page: &str) -> Vec<Row<'_>> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = lines.filter_map(|line| {
        let [id, _, state, rest] = line.split(" | ").collect::<Vec<_>>()[..] else { return None };
        Some(Row { id, state, rest })
    });
    rows.filter(|row| row.id.starts_with(|first: char| first.is_ascii_uppercase())).collect()
}

fn of_row(row: &Row<'_>, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let tests: Vec<&str> = row.rest.split('`').filter(|word| word.contains(".rs::")).collect();
    let mut wrong: Vec<String> = tests.iter().filter_map(|test| of_test(test, read).err()).collect();
    let says_more = row.rest.contains("Missing: ");
    match row.state {
        "shown" if tests.is_empty() || says_more => wrong.push("is shown by tests alone, and lacks nothing".into()),
        "in part" if tests.is_empty() || !says_more => wrong.push("names tests, and what is missing".into()),
        "not yet" if row.rest.is_empty() => wrong.push("says what there is instead".into()),
        "shown" | "in part" | "not yet" => {}
        other => wrong.push(format!("`{other}` is no state")),
    }
    wrong
}

/// Whether a test of this path and name is there and runs.
fn of_test(test: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
    let (path, name) = test.split_once("::").ok_or("names no test")?;
    let text = read(path).ok_or(format!("there is no {path}"))?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins = |line: &str| line.strip_prefix("async ").unwrap_or(line).starts_with(&format!("fn {name}("));
    let at = lines.iter().position(|line| begins(line)).ok_or(format!("{path} has no `{name}`"))?;
    let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    let attributes: Vec<&str> = above.copied().filter(|line| line.starts_with("#[")).collect();
    let is_test = |line: &&str| **line == *"#[test]" || line.starts_with("#[tokio::test");
    match (attributes.iter().any(is_test), attributes.iter().any(|line| line.starts_with("#[ignore"))) {
        (false, _) => Err(format!("`{test}` is no test")),
        (true, true) => Err(format!("`{test}` is ignored")),
        (true, false) => Ok(()),
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
