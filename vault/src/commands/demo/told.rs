//! What holds a step to what is told of it.

use std::fmt::Display;

use coffer_client::{Error, Refusal};
use coffer_wire::problem::Code;

use super::Failure;

/// A step came out otherwise than it is told.
#[derive(Debug)]
pub struct NotAsTold(String);

impl NotAsTold {
    pub fn new(why: impl Display) -> NotAsTold {
        NotAsTold(why.to_string())
    }
}

impl Display for NotAsTold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from {
    ($($error:ty),*) => {
        $(impl From<$error> for NotAsTold {
            fn from(error: $error) -> NotAsTold {
                NotAsTold::new(error)
            }
        })*
    };
}

from!(Error, coffer_client::SetupError, std::io::Error, csv::Error);

impl From<Failure> for NotAsTold {
    fn from(failure: Failure) -> NotAsTold {
        NotAsTold::new(failure.message())
    }
}

/// Holds the step to a statement.
pub fn expect(holds: bool, statement: &str) -> Result<(), NotAsTold> {
    if holds { Ok(()) } else { Err(NotAsTold(format!("it should be that {statement}"))) }
}

/// What must be there.
pub fn some<T>(found: Option<T>, what: &str) -> Result<T, NotAsTold> {
    found.ok_or_else(|| NotAsTold(format!("there is no {what}")))
}

/// The refusal that the step is about, with its code.
pub fn refused<T>(answer: Result<T, Error>, code: Code) -> Result<Refusal, NotAsTold> {
    match answer {
        Err(Error::Refused(refusal)) if refusal.code == code => Ok(refusal),
        Err(error) => Err(NotAsTold(format!("it should be refused with {code}, and was: {error}"))),
        Ok(_) => Err(NotAsTold(format!("it should be refused with {code}, and was granted"))),
    }
}
