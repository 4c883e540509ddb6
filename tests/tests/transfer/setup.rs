//! A command line without a configuration: whoever types it is told the same by every command.

use std::process::Command;

use coffer_tests::harness::command_line;

#[test]
fn every_command_says_the_same_of_a_configuration_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["token", "map.toml", "a.csv", "persons.txt"] {
        std::fs::write(folder.path().join(file), "person = \"{p}\"\npurpose = \"x\"\n[[record]]\ncategory = \"c\"\nrecord = \"{r}\"\n[record.fields]\nf = \"{f}\"\n").unwrap();
    }
    let mut said = std::collections::BTreeSet::new();
    for words in [
        "status",
        "whoami",
        "keys list",
        "schema show",
        "access who-can read bank",
        "log tail",
        "log verify",
        "record list --purpose payments --category bank --person p",
        "record import a.csv --map map.toml",
        "record import a.csv --map map.toml --dry-run",
        "record export --purpose payments --category bank --persons persons.txt --field f",
    ] {
        let mut command = Command::new(command_line());
        command.current_dir(folder.path()).args(["--token-file", "token"]).args(words.split(' '));
        let done = command.output().unwrap();
        assert_eq!(done.status.code(), Some(78), "{words}");
        said.insert(String::from_utf8(done.stderr).unwrap());
    }
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said.first().unwrap().starts_with("coffer: there is no client configuration at client.toml"), "{said:?}");
}
