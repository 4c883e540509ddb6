//! What can go wrong, as one enum with stable codes. No message holds a value, a token or an id.

use std::time::Duration;

use coffer_wire::Name;
use coffer_wire::approvals::ApprovalId;
use coffer_wire::name::{ExternalIdError, NameError};
use coffer_wire::note::NoteError;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::receipt::ReceiptError;
use coffer_wire::succession::NotFollowed;

use crate::outcome::Logged;

/// Why a call did not give what was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked cannot be sent. Nothing was.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// No connection could be made. Nothing was asked, nothing happened.
    #[error("the vault cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke before the answer was there. The access may stand in the log.
    #[error("the connection to the vault broke: {0}")]
    Interrupted(String),
    /// A write or erase may or may not have happened. Read before trying again.
    #[error("the write may or may not have been kept; read it before trying again ({0})")]
    OutcomeUnknown(String),
    /// The vault refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer is none that this operation gives. A write may have happened.
    #[error("the answer is not one that a Coffer vault gives (HTTP status {0})")]
    UnexpectedAnswer(u16),
    /// The vault's log contradicts itself or this answer. A write may have happened; a value that
    /// came with it was dropped. Every further call of this [`crate::Vault`] ends in the same error.
    #[error("the vault's access log cannot be believed: {0}")]
    LogInconsistent(#[from] LogFault),
}

impl Error {
    /// A stable word that programs may compare: a [`Code`] of the vault, or one of `invalid_request`,
    /// `unreachable`, `interrupted`, `outcome_unknown`, `unexpected_answer`, `log_inconsistent`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Invalid(_) => "invalid_request",
            Error::Unreachable(_) => "unreachable",
            Error::Interrupted(_) => "interrupted",
            Error::OutcomeUnknown(_) => "outcome_unknown",
            Error::Refused(refusal) => refusal.code.as_str(),
            Error::UnexpectedAnswer(_) => "unexpected_answer",
            Error::LogInconsistent(_) => "log_inconsistent",
        }
    }

    /// The vault's refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// After which time it is worth asking again, where the vault says so. The client itself has asked again already
    /// where that was safe and soon.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after_seconds.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

impl From<NameError> for Error {
    fn from(error: NameError) -> Error {
        Error::Invalid(error.into())
    }
}

impl From<ExternalIdError> for Error {
    fn from(error: ExternalIdError) -> Error {
        Error::Invalid(error.into())
    }
}

/// What cannot be sent. It does not repeat what was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Not an id of a person or record.
    #[error(transparent)]
    ExternalId(#[from] ExternalIdError),
    /// Nobody said whose data it is.
    #[error("name the controller: `controller` in the configuration, or `for_controller`")]
    NoController,
    /// The token has characters that no token has, is too long, or does not say whose it is.
    #[error("a token is a JWT that names `iss` and `sub`, of at most 16,384 visible ASCII characters")]
    Token,
    /// Not a trace.
    #[error("a trace is a `traceparent` of W3C Trace Context")]
    Trace,
    /// The operating system gave no randomness to name the request by.
    #[error("the operating system gave no randomness")]
    NoRandomness,
    /// It cannot be written as JSON.
    #[error("the request cannot be written as JSON")]
    Json,
}

/// The vault refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// One sentence for a person.
    pub detail: Option<String>,
    /// The field at fault.
    pub field: Option<Name>,
    /// With a conflict: the record's current version, for those who may know it.
    pub version: Option<u32>,
    /// The request for a second person, where one is needed.
    pub approval: Option<Box<ApprovalId>>,
    /// The id under which the operator finds the request.
    pub request: Option<Box<str>>,
    /// After how many seconds it is worth asking again, where the vault says so: it is busy, or the application over its
    /// limit.
    pub retry_after_seconds: Option<u16>,
    /// What of the log stands behind it.
    pub standing: Standing,
}

/// What of the log stands behind a refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The log says so, in these leaves; their receipts were checked as those of a grant.
    Receipted(Vec<Logged>),
    /// There was no receipt: that the attempt was refused, and that it is in the log, is the vault's word alone. So it is with
    /// every refusal of a whole request, with those of status 503, and where an atomic request was not done.
    Unreceipted,
}

impl Standing {
    pub(crate) fn of(logged: Vec<Logged>) -> Standing {
        if logged.is_empty() { Standing::Unreceipted } else { Standing::Receipted(logged) }
    }
}

impl Refusal {
    /// Where the log says so; nothing where there was no receipt.
    pub fn logged(&self) -> &[Logged] {
        match &self.standing {
            Standing::Receipted(logged) => logged,
            Standing::Unreceipted => &[],
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.detail.as_deref().unwrap_or(self.code.title()), self.code)?;
        if let Some(field) = self.field {
            write!(f, ", field {field}")?;
        }
        if let Some(request) = &self.request {
            write!(f, ", request {request}")?;
        }
        if let Some(seconds) = self.retry_after_seconds {
            write!(f, ", ask again in {seconds} s")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        let Problem { code, detail, approval, request, .. } = problem;
        Refusal {
            code,
            detail,
            field: None,
            version: None,
            approval: approval.map(Box::new),
            request: request.map(String::into_boxed_str),
            retry_after_seconds: None,
            standing: Standing::Unreceipted,
        }
    }
}

/// How the log was caught. Indices and sizes only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// A checkpoint is not one of this log's key.
    #[error("a checkpoint was not signed by the log's key: {0}")]
    Note(#[from] NoteError),
    /// The log was handed on in a way that cannot be followed. What was shown is kept ([`crate::Receipts::evidence`]).
    #[error("the log was handed on in a way that cannot be followed: {0}")]
    NotFollowed(#[from] NotFollowed),
    /// The log was closed, or its key changed, at a size that it had passed already.
    #[error("the log was handed on at a size that it had passed: it has shown {seen} leaves before")]
    Passed {
        /// The size that was seen.
        seen: u64,
    },
    /// A receipt does not belong to what was asked.
    #[error("{0}")]
    Receipt(#[from] ReceiptError),
    /// Two signed checkpoints of one size have different roots.
    #[error("the log showed two different trees of {size} leaves")]
    Fork {
        /// The size of both.
        size: u64,
    },
    /// A receipt's leaf stood in the log before the request was made, so it is the record of another access.
    #[error("the receipt's leaf {index} stood in the log before the request was made")]
    Stale {
        /// The leaf's index.
        index: u64,
    },
    /// One leaf was given as the record of two accesses.
    #[error("the log gave leaf {index} as the record of two accesses")]
    Reused {
        /// The leaf.
        index: u64,
    },
    /// A leaf is not in the tree.
    #[error("leaf {index} is not in the tree of {size} leaves")]
    NotIncluded {
        /// The leaf.
        index: u64,
        /// The tree.
        size: u64,
    },
    /// The log was changed or cut.
    #[error("the tree of {new} leaves does not continue the tree of {old} leaves")]
    NotConsistent {
        /// The older tree.
        old: u64,
        /// The newer tree.
        new: u64,
    },
    /// Leaves that were shown are not those of the signed tree.
    #[error("the leaves shown as {start} to {last} are not those of the tree of {size} leaves")]
    OtherLeaves {
        /// The first that was shown.
        start: u64,
        /// The last.
        last: u64,
        /// The tree.
        size: u64,
    },
    /// The vault will not prove what it has signed.
    #[error("the vault does not prove what it has signed about the tree of {size} leaves")]
    NotProved {
        /// The tree.
        size: u64,
    },
}
