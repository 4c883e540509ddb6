//! The law of the house, held against its source: what imports what, where evidence is made, what a
//! check may learn of values, and which crates stay free of which others.
//!
//! ```text
//! main │ local │ listen │ serve │ check │ jobs │ seal │ ledger │ admit │ keyring │ archive │ store │ schema, cards │ clock, config
//! ```
//!
//! A module imports only what stands to its right. Every check here is also shown to find a breach
//! that is planted for it.
#![allow(clippy::unwrap_used)]

mod evidence;
mod imports;
mod manifests;
mod source;
mod values;

use std::path::{Path, PathBuf};

use source::File;

/// The vault's modules from left to right. Those of one cell do not import each other either.
/// `main` is the program's own root; it may import all of these and none of them can name it.
const LAW: &[&[&str]] = &[
    &["local"],
    &["listen"],
    &["serve"],
    &["check"],
    &["jobs"],
    &["seal"],
    &["ledger"],
    &["admit"],
    &["keyring"],
    &["archive"],
    &["store"],
    &["schema", "cards"],
    &["clock", "config"],
];

/// The program: its root and its commands, which use the library as any other crate would.
const PROGRAM: [&str; 2] = ["main", "commands"];

#[test]
fn a_module_imports_only_what_stands_to_its_right() {
    let files = library();
    assert!(files.len() > 50, "the vault's source was not found");
    let found = imports::of(&files);
    assert_eq!(found.breaches, Vec::<String>::new());
    assert_eq!(imports::against(LAW, &files, &found.edges), Vec::<String>::new());
    assert_eq!(imports::cycle(&found.edges), None);
    // The checker saw what it should: these three are what the house stands on.
    for edge in [("seal", "ledger"), ("ledger", "keyring"), ("serve", "seal")] {
        assert!(found.edges.iter().any(|e| (e.from.as_str(), e.to.as_str()) == edge), "{edge:?} was not seen");
    }
}

#[test]
fn a_planted_import_to_the_left_is_found() {
    let breaches = |path: &str, text: &str| {
        let files = [File::new(path, text)];
        let found = imports::of(&files);
        [found.breaches, imports::against(LAW, &files, &found.edges)].concat()
    };
    let found = |path: &str, text: &str| assert_eq!(breaches(path, text).len(), 1, "{path}: {text}");
    found("store/rocks.rs", "use crate::ledger::Recorded;");
    found("store/mod.rs", "use super::serve::House;");
    found("store/rocks/options.rs", "use super::super::super::seal;");
    found("keyring/mod.rs", "fn f() { crate::admit::install_provider() }");
    found("keyring/mod.rs", "use crate::{store::{Batch, Family}, admit::{self, Gate}};");
    found("admit/permit.rs", "mod tests { use super::super::super::ledger; }");
    found("seal/open.rs", "use crate::serve as s;");
    found("clock.rs", "use crate::config::Config;");
    found("config/raw.rs", "fn f(x: crate::clock::Period) {}");
    found("ledger/mod.rs", "use crate::local::lay;");
    found("listen/mod.rs", "use crate::novelty::Thing;");
    found("seal/mod.rs", "use crate::*;");
    found("seal/mod.rs", "use crate as vault;");
    found("novelty.rs", "use crate::clock::Clock;");
    found("cards/mod.rs", "use crate::schema::Schema;");
    found("lib.rs", "pub use seal::open;");

    let allowed = |path: &str, text: &str| assert_eq!(breaches(path, text), Vec::<String>::new(), "{path}: {text}");
    allowed("seal/open.rs", "use crate::{admit::Permit, ledger::Recorded, seal::Plain};");
    allowed("store/memory.rs", "mod tests { use super::super::contract; use super::*; }");
    allowed("store/mod.rs", "// use crate::serve::House;\nconst S: &str = \"crate::serve\"; pub(crate) fn f() {}");
    allowed("store/mod.rs", "const S: &str = r#\"\" crate::serve::x\"#; const C: char = '\"'; /* crate::serve */");
    allowed("admit/policy/decide.rs", "pub(in crate::admit) fn f<'a>(x: &'a str) { super::super::ask(x) }");
}

#[test]
fn a_planted_cycle_is_found() {
    let files = [
        File::new("a.rs", "use crate::b::B;"),
        File::new("b.rs", "use crate::c::C;"),
        File::new("c.rs", "use crate::a::A;"),
        File::new("d.rs", "use crate::a::A;"),
    ];
    let cycle = imports::cycle(&imports::of(&files).edges).unwrap();
    assert_eq!(cycle.len(), 3, "{cycle:?}");
    assert_eq!(imports::cycle(&imports::of(&files[1..]).edges), None);
}

#[test]
fn evidence_is_made_in_one_place() {
    assert_eq!(evidence::breaches(&library()), Vec::<String>::new());
}

#[test]
fn a_planted_second_maker_of_evidence_is_found() {
    let plant = |path: &str, text: &str| {
        let files = with_planted(path, text);
        assert_ne!(evidence::breaches(&files), Vec::<String>::new(), "{path}: {text}");
    };
    plant("admit/permit.rs", "fn f<A: Act>(p: Permit<A>) -> Permit<A> { Permit { epoch: 1, ..p } }");
    plant("admit/permit.rs", "impl<A: Act> Permit<A> { fn f(self) -> Self { Self { epoch: 1, ..self } } }");
    plant("admit/permit.rs", "impl<A: Act> Clone for Permit<A> { fn clone(&self) -> Self { todo!() } }");
    plant("admit/caller.rs", "fn f() { let p = super::permit::Permit::<Read> { epoch: 1 }; }");
    plant("ledger/recorded.rs", "impl Recorded { fn f(self) -> Recorded { Recorded { index: 0, ..self } } }");
    plant("ledger/recorded.rs", "#[derive(Clone)] struct Recorded;");
    plant("ledger/entry.rs", "fn f(e: Entry) { Recorded::mint(e, 0, vec![], h, n); }");
    plant("ledger/start.rs", "use super::Recorded as R; fn f() { R::mint() }");
}

#[test]
fn a_check_learns_of_values_what_the_law_says_and_nobody_else_does() {
    assert_eq!(values::breaches(&library()), Vec::<String>::new());
}

#[test]
fn a_planted_way_to_a_value_is_found() {
    let plant = |path: &str, text: &str| {
        let files = with_planted(path, text);
        assert_ne!(values::breaches(&files), Vec::<String>::new(), "{path}: {text}");
    };
    plant("serve/read.rs", "fn f() { crate::seal::verify::Verifier::open(&[], root) }");
    plant("serve/read.rs", "use crate::seal::{self, verify};");
    plant("serve/read.rs", "use crate::seal as s; fn f() { s::verify::Verifier::open(&[], root) }");
    plant("seal/mod.rs", "pub use verify::Verifier;");
    plant("seal/verify.rs", "impl Verified { pub fn value(&self) -> Vec<u8> { Vec::new() } }");
    plant("seal/verify.rs", "impl Verified { pub fn fields(&self) -> String { String::new() } }");
    plant("seal/verify.rs", "impl Verified { pub(crate) fn value(&self) -> u32 { 0 } }");
    plant("seal/verify.rs", "impl Verified { pub fn each<'a>(&'a self, see: impl FnMut(&'a [u8])) {} }");
    plant("seal/verify.rs", "pub enum Told { Value(Vec<u8>) }");
    plant("seal/verify.rs", "pub struct Told { pub value: Vec<u8> }");
    plant("seal/verify.rs", "impl From<Verified> for Vec<u8> { fn from(v: Verified) -> Self { Vec::new() } }");
}

#[test]
fn the_light_crates_stay_light() {
    assert_eq!(manifests::breaches(&manifests::metadata()), Vec::<String>::new());
}

#[test]
fn a_planted_dependency_is_found() {
    let mut metadata = manifests::metadata();
    manifests::plant(&mut metadata, "coffer-wire", "coffer-keys");
    // The client uses wire, and the command line uses the client: all three are named.
    assert_eq!(manifests::breaches(&metadata).len(), 3);
    let mut metadata = manifests::metadata();
    manifests::plant(&mut metadata, "coffer-keys", "axum");
    assert_ne!(manifests::breaches(&metadata), Vec::<String>::new());
}

/// The one file that hands work to threads of the runtime: it wipes what keys have left on their stacks.
const BLOCKING: &str = "serve/blocking.rs";

/// Files that hand work to such threads.
fn hand_over_work(files: &[File]) -> Vec<&str> {
    let hands = |file: &&File| file.tokens.iter().any(|token| token == "spawn_blocking");
    files.iter().filter(hands).map(|file| file.path.as_str()).collect()
}

#[test]
fn work_that_may_wait_is_handed_over_in_one_place() {
    assert_eq!(hand_over_work(&library()), [BLOCKING]);
    let planted = with_planted("serve/read.rs", "async fn f() { tokio::task::spawn_blocking(|| ()).await }");
    assert_eq!(hand_over_work(&planted).len(), 2);
}

/// The vault's library, file by file.
fn library() -> Vec<File> {
    let mut files = Vec::new();
    source::read(&source_folder(), Path::new(""), &mut files);
    files.retain(|file| !PROGRAM.contains(&file.module.first().map_or("", String::as_str)));
    files
}

/// The same with something more at the end of a file, or in a file of its own.
fn with_planted(path: &str, text: &str) -> Vec<File> {
    let mut files = library();
    match files.iter().position(|file| file.path == path) {
        Some(at) => {
            let longer = format!("{}\n{text}", std::fs::read_to_string(source_folder().join(path)).unwrap());
            files[at] = File::new(path, &longer);
        }
        None => files.push(File::new(path, text)),
    }
    files
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
