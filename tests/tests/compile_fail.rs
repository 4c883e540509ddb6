//! Programs that must not compile: evidence forged, used twice or exchanged, data opened without
//! it, secrets printed, copied, compared, serialised.
//!
//! Each lies in `tests/compile-fail/examples` and says at its top which errors it must meet. With
//! the feature `evidence` it becomes its twin, which differs in holding the evidence alone and must
//! compile: so a program that fails for another reason than it says is found.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What begins a line that says which error is expected: code, then a part of what rustc says.
const EXPECTED: &str = "//! error ";
/// What turns a program into its twin.
const TWIN: &[&str] = &["--features", "evidence"];

#[test]
fn no_program_compiles_that_lacks_the_evidence_and_every_twin_does() {
    let programs = programs();
    assert!(programs.len() >= 30, "the programs were not found");
    assert!(programs.values().all(|expected| !expected.is_empty()), "each program says how it fails");

    let twins = check(TWIN);
    let twins_failed: Vec<_> = twins.errors.values().flatten().map(|error| &error.rendered).collect();
    assert!(twins_failed.is_empty(), "twins must compile:\n{twins_failed:#?}");
    assert_eq!(twins.built, programs.keys().cloned().collect(), "every twin was compiled");

    let found = check(&[]);
    let mut wrong = Vec::new();
    for (program, expected) in &programs {
        let errors = found.errors.get(program).map_or(&[][..], Vec::as_slice);
        if found.built.contains(program) {
            wrong.push(format!("{program} compiles"));
        } else if !agree(expected, errors) {
            let said: Vec<_> = errors.iter().map(|error| &error.rendered).collect();
            wrong.push(format!("{program} was to fail with {expected:#?}, and rustc says {said:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_that_was_not_expected_or_does_not_come_is_found() {
    let error = |code: &str, rendered: &str| Error { code: code.into(), rendered: rendered.into() };
    let expected = [("E0277".to_owned(), "`A: Debug`".to_owned())];
    assert!(agree(&expected, &[error("E0277", "the bound `A: Debug` …")]));
    assert!(!agree(&expected, &[]));
    assert!(!agree(&expected, &[error("E0308", "the bound `A: Debug` …")]));
    assert!(!agree(&expected, &[error("E0277", "the bound `B: Debug` …")]));
    assert!(!agree(&expected, &[error("E0277", "`A: Debug`"), error("E0433", "no such crate")]));
}

struct Error {
    code: String,
    rendered: String,
}

/// What cargo made of the programs.
#[derive(Default)]
struct Checked {
    built: BTreeSet<String>,
    errors: BTreeMap<String, Vec<Error>>,
}

/// Whether the errors are those expected: one each, and no other.
fn agree(expected: &[(String, String)], errors: &[Error]) -> bool {
    let says = |error: &&Error, (code, part): &(String, String)| error.code == *code && error.rendered.contains(part);
    expected.len() == errors.len() && expected.iter().all(|one| errors.iter().filter(|e| says(e, one)).count() == 1)
}

/// Every program by name, with the errors that it must meet.
fn programs() -> BTreeMap<String, Vec<(String, String)>> {
    let files = std::fs::read_dir(folder().join("examples")).unwrap();
    let programs = files.map(|file| {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = text.lines().filter_map(|line| line.strip_prefix(EXPECTED)?.split_once(": "));
        let expected = expected.map(|(code, part)| (code.to_owned(), part.to_owned())).collect();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), expected)
    });
    programs.collect()
}

/// Has cargo check all programs, with the versions that the workspace has, none of them fetched.
fn check(arguments: &[&str]) -> Checked {
    std::fs::copy(workspace().join("Cargo.lock"), folder().join("Cargo.lock")).unwrap();
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["check", "--offline", "--examples", "--keep-going", "--message-format=json", "--quiet"])
        .args(arguments)
        .arg("--target-dir")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("compile-fail"))
        .current_dir(folder())
        .output()
        .unwrap();
    let mut checked = Checked::default();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        read(&serde_json::from_str(line).unwrap(), &mut checked);
    }
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!checked.built.is_empty() || !checked.errors.is_empty(), "cargo checked nothing:\n{told}");
    checked
}

fn read(message: &Value, checked: &mut Checked) {
    let name = message["target"]["name"].as_str().unwrap_or_default().to_owned();
    let is_program = message["target"]["kind"][0] == "example";
    let error = &message["message"];
    match message["reason"].as_str() {
        Some("compiler-artifact") if is_program => {
            checked.built.insert(name);
        }
        Some("compiler-message") if error["level"] == "error" && !is_count(error) => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let error = Error { code: text(&error["code"]["code"]), rendered: text(&error["rendered"]) };
            checked.errors.entry(name).or_default().push(error);
        }
        _ => {}
    }
}

/// "aborting due to 1 previous error", which says nothing of its own.
fn is_count(error: &Value) -> bool {
    error["message"].as_str().is_some_and(|text| text.starts_with("aborting due to"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compile-fail")
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
