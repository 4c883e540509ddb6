//! `coffer`: the command line of those who run, review and answer for a vault. It speaks to the vault
//! through `coffer-client`, holds no key of data, and shows nothing of the vault's that it has not
//! made safe for a terminal.

// In a program `pub` says what a module offers the others; nothing leaves the program.
#![allow(unreachable_pub)]

mod args;
mod commands;
mod connect;
mod failure;
mod input;
mod output;
mod time;
mod verify;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let json = cli.global.json;
    let done = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(error) => Err(failure::Failure::failed("runtime", error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
