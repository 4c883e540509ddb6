//! `coffer-vault demo`, as a newcomer runs it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::process::Command;

use coffer_tests::harness::{binary, command_line};
use coffer_vault::local;
use serde_json::Value;

/// The whole story as JSON, in a folder that is chosen; and the folder's home, which stays.
fn told() -> (Value, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    // The demo names the command line beside it.
    assert!(command_line().exists());
    let mut demo = Command::new(binary());
    let done = demo.args(["--json", "demo", "--dir"]).arg(folder.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (serde_json::from_slice(&done.stdout).unwrap(), folder)
}

#[test]
fn the_story_goes_through_every_category_and_both_tamperings_are_refused() {
    let (report, folder) = told();
    assert_eq!(report["demo"], "ok");
    let steps = report["steps"].as_array().unwrap();
    let who: BTreeSet<_> = steps.iter().map(|step| step["who"].as_str().unwrap().to_owned()).collect();
    let schema = local::schema().unwrap();
    for category in schema.iter() {
        assert!(who.contains(&category.title), "{}", category.name);
    }
    let came: Vec<_> = steps.iter().map(|step| step["came"].as_str().unwrap()).collect();
    let after = came.iter().position(|came| came.starts_with("the store sums it anew")).unwrap();
    let ends = ["row_altered: bank", "refused: 500 altered", "granted, then failed: altered"];
    for (came, end) in came[after + 1..].iter().zip(ends) {
        assert!(came.starts_with(end), "{came}");
    }
    let ends = ["leaf_altered: leaf ", "sealed: log_not_continuous", "refused: 503 sealed"];
    for (came, end) in came[came.len() - 3..].iter().zip(ends) {
        assert!(came.starts_with(end), "{came}");
    }

    // What was tampered with was a copy, and is gone: the home that stays is whole.
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: BTreeSet<_> = left.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(left, ["home", "root.key"].map(str::to_owned).into());
    let check = Command::new(binary()).arg("check").arg(folder.path().join("home")).args(["--cards"]).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
