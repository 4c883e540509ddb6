//! What the preparation of one item comes to: leaves and rows to submit, and what to do once they
//! are recorded.

use coffer_wire::api::{Outcome, Receipt};
use coffer_wire::problem::Code;

use crate::ledger::{NotMade, Recorded, Submission};
use crate::store::{StoreError, Unread};

/// What follows once the submission is recorded.
pub(super) type Finish = Box<dyn FnOnce(Vec<Recorded>, &mut Vec<String>) -> Finished + Send>;

/// An item that is ready for the log.
pub(super) struct Step {
    pub(super) submission: Submission,
    pub(super) finish: Finish,
    /// Bytes that wait for the finish.
    holds: usize,
    /// It has taken effect before, and nothing does now.
    pub(super) told_again: bool,
}

/// Several items that are ready for the log as one: all of their leaves and rows, or none.
pub(super) struct Lot {
    pub(super) submission: Submission,
    /// Each item's place in the request, how many of the leaves are its, in order, and its finish.
    pub(super) parts: Vec<(usize, usize, Finish)>,
}

/// How an item ends once its leaf is recorded.
pub(super) enum Finished {
    /// This is its outcome.
    Outcome(Outcome),
    /// What is stored did not open: this second leaf says so before the caller learns it.
    Failed(Box<Submission>),
}

/// Why an item could not be prepared.
pub(super) enum Halt {
    /// Only the disk can tell: prepare again where blocking is allowed.
    NotCached,
    /// The store failed.
    Store(StoreError),
    /// No leaf could be made.
    NotMade,
    /// What was asked for lies under a compromised key until it is moved: refused on record.
    Withheld,
}

impl Step {
    pub(super) fn new(
        submission: Submission,
        finish: impl FnOnce(Vec<Recorded>, &mut Vec<String>) -> Finished + Send + 'static,
    ) -> Step {
        Step { submission, finish: Box::new(finish), holds: 0, told_again: false }
    }

    /// Says how many bytes of rows its finish keeps until it is recorded.
    pub(super) fn holding(self, bytes: usize) -> Step {
        Step { holds: bytes, ..self }
    }

    /// Says that it took effect before.
    pub(super) fn told_again(self) -> Step {
        Step { told_again: true, ..self }
    }

    /// Bytes of rows that it keeps until it is recorded.
    pub(super) fn held(&self) -> usize {
        self.holds + self.submission.rows().bytes()
    }

    /// A lot of this one item.
    pub(super) fn alone(self, at: usize) -> Lot {
        let part = (at, self.submission.leaves(), self.finish);
        Lot { submission: self.submission, parts: vec![part] }
    }

    /// A refusal: the leaf, and then an outcome that shows no more than code, index and hash.
    pub(super) fn refusal(submission: Submission, outcome: Outcome) -> Step {
        Step::new(submission, move |recorded, notes| {
            Finished::Outcome(Outcome { receipts: receipts(recorded, notes), ..outcome })
        })
    }
}

impl From<Unread> for Halt {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::NotCached => Halt::NotCached,
            Unread::Withheld => Halt::Withheld,
            Unread::Store(error) => Halt::Store(error),
        }
    }
}

impl From<NotMade> for Halt {
    fn from(_: NotMade) -> Self {
        Halt::NotMade
    }
}

/// The outcome of a code, with its sentence.
pub(super) fn refused(code: Code) -> Outcome {
    Outcome { status: code.status(), code: Some(code), detail: Some(code.title().to_owned()), ..Outcome::default() }
}

pub(super) fn receipts(recorded: Vec<Recorded>, notes: &mut Vec<String>) -> Vec<Receipt> {
    recorded.into_iter().map(|recorded| recorded.into_receipt(notes)).collect()
}
