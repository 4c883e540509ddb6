//! `coffer-vault`: the server and its home directory.

#![allow(unreachable_pub)] // a binary has no outside: `pub` means for the other commands

mod commands;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use commands::{backup, check, demo, dev, init, openapi, restore, schema, serve, token};
use mimalloc::MiMalloc;
use tracing_subscriber::EnvFilter;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is given back: shares and values also lie in buffers of TLS and HTTP, which wipe nothing themselves.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

/// The Coffer vault: personal data under keys of its own, nothing released unlogged.
#[derive(Parser)]
#[command(name = "coffer-vault", version, about, max_term_width = 100)]
struct Cli {
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// How to tell on standard error what happens; COFFER_LOG says how much of it (warn, info, …)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new home: keys, an empty store, the log's first leaves
    Init(init::Init),
    /// Serve a home until told to stop
    Serve(serve::Serve),
    /// Make a throw-away vault, fill it with sample data, and show what may and may not be done
    Demo(demo::Demo),
    /// Serve an empty throw-away vault with a local token issuer
    Dev(dev::Dev),
    /// Check a home, also while it is served: log, tree, head, keys, and rows against leaves
    Check(check::Check),
    /// Write all that is in a vault into one file, also while it is served
    Backup(backup::Backup),
    /// Put what is in such a file into a home that has no data
    Restore(restore::Restore),
    /// Check schema and policy before they are applied
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Mint a token with the local issuer
    Token(token::Token),
    /// Print the description of the API: OpenAPI 3.1, or Markdown
    Openapi(openapi::Openapi),
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum LogFormat {
    /// A line for a person
    #[default]
    Text,
    /// An object on a line of its own, for a program that gathers them
    Json,
}

fn tell_on_standard_error(format: LogFormat) {
    let filter = EnvFilter::try_from_env("COFFER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let told = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => told.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => told.json().flatten_event(true).init(),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tell_on_standard_error(cli.log_format);
    let done = match cli.command {
        Command::Init(args) => init::run(args, cli.json),
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args, cli.json),
        Command::Dev(args) => dev::run(&args),
        Command::Check(args) => check::run(&args, cli.json),
        Command::Backup(args) => backup::run(&args, cli.json),
        Command::Restore(args) => restore::run(&args, cli.json),
        Command::Schema(command) => schema::run(&command, cli.json),
        Command::Token(args) => token::run(args),
        Command::Openapi(args) => openapi::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
