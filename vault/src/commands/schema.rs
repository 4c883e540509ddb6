//! `coffer-vault schema check`: the schema and policy of a home, read as the vault reads them, before
//! they are applied.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use coffer_vault::config::FileError;
use coffer_vault::serve::Proposal;
use serde::Serialize;

use super::exit::Failure;
use super::open;

#[derive(Subcommand)]
pub enum Schema {
    /// Read schema/ and access.toml of a home, and say what is wrong in them; a server may run on it
    Check(Check),
}

#[derive(Args)]
#[command(
    after_help = "Says file, line and key of the first mistake of each file. Whether a schema may follow the one in \
                  force is known to the running vault alone, which says so when it is applied.\n\n\
                  Exit status: 0 both can be read, 78 there is a mistake."
)]
pub struct Check {
    /// The home directory
    dir: PathBuf,
}

/// The report as JSON.
#[derive(Serialize)]
struct Told<'a> {
    home: &'a Path,
    categories: usize,
    mistakes: Vec<Mistake<'a>>,
}

#[derive(Serialize)]
struct Mistake<'a> {
    file: &'a str,
    line: Option<usize>,
    key: Option<&'a str>,
    what: &'a str,
}

impl<'a> Mistake<'a> {
    fn of(error: &'a FileError) -> Mistake<'a> {
        Mistake { file: &error.file, line: error.line, key: error.key.as_deref(), what: &error.what }
    }
}

/// Reads and tells. Fails with status 78 where there is a mistake.
pub fn run(command: &Schema, json: bool) -> Result<(), Failure> {
    let Schema::Check(Check { dir }) = command;
    let config = open::config(dir)?;
    let proposal = Proposal::of_home(dir).map_err(Failure::config)?;
    let mistakes = proposal.mistakes(&config);
    let categories = proposal.schema.len();
    if json {
        let told = Told { home: dir, categories, mistakes: mistakes.iter().map(Mistake::of).collect() };
        println!("{}", serde_json::to_string_pretty(&told).unwrap_or_default());
    } else {
        mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
    }
    match mistakes.len() {
        0 if json => Ok(()),
        0 => {
            println!("{categories} categories and access.toml can be read and go together.");
            Ok(())
        }
        1 => Err(Failure::config("1 mistake")),
        count => Err(Failure::config(format!("{count} mistakes"))),
    }
}
