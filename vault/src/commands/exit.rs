//! How a command ends: a sentence for a person, a status for a program.

use std::fmt::Display;
use std::process::ExitCode;

/// Exit statuses. Those above 1 are of sysexits(3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// What was looked at is not as it should be.
    Failed = 1,
    /// The vault itself failed.
    Software = 70,
    /// A file could not be made.
    CannotCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// The home or its configuration is not fit to run.
    Config = 78,
    /// Somebody stopped it, as a shell says of SIGINT.
    Interrupted = 130,
}

/// Why a command ends before its end.
#[derive(Debug)]
pub struct Failure {
    status: Status,
    message: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(status: Status, message: impl Display) -> Failure {
        Failure { status, message: message.to_string() }
    }

    /// Something about the home or its configuration.
    pub fn config(message: impl Display) -> Failure {
        Failure::new(Status::Config, message)
    }

    /// Reading or writing of a named file.
    pub fn io(what: impl Display, error: std::io::Error) -> Failure {
        Failure::new(Status::Io, format!("{what}: {error}"))
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The sentence on standard error, and the status.
    pub fn report(&self) -> ExitCode {
        eprintln!("coffer-vault: {}", self.message);
        ExitCode::from(self.status as u8)
    }
}
