//! The inside of `coffer`. A library only so that the fuzzer reaches the one parser here that takes a file of
//! somebody else's making; all else is the program's own.

// In a program `pub` says what a module offers the others; nothing leaves the program.
#![allow(unreachable_pub)]

mod args;
mod commands;
mod connect;
mod failure;
mod input;
mod output;
mod stop;
mod time;
mod transfer;
mod typed;
mod verify;

use std::process::ExitCode;

use clap::Parser;

pub use transfer::map::Map;

/// Runs what was typed.
pub fn run() -> ExitCode {
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
