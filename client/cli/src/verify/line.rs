//! A log together with those that it follows, all of them held against the notes by which each was handed on.

use coffer_wire::note::Checkpoint;
use coffer_wire::succession::{Succession, Trust};

use super::{Audit, Continues, Wrong, continues};

/// Everything that was read.
pub struct Line {
    /// What the log key leads to.
    pub trust: Trust,
    /// The logs that ended, as far as they were kept, oldest first.
    pub closed: Vec<Audit>,
    /// The log that is open: its checkpoint, as a note too, and its leaves.
    pub checkpoint: Checkpoint,
    pub note: String,
    pub audit: Audit,
}

/// What is wrong with a line of logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Broken {
    /// A leaf of this log.
    Leaf { log: String, wrong: Wrong },
    /// The leaves are not those of the signed root.
    Root { log: String },
    /// The log's first leaf does not say that it follows the one before it by the note that was signed.
    Unnamed { log: String },
}

/// A log that ended.
pub struct Ended<'a> {
    pub end: &'a Succession,
    /// Up to where its leaves are still there.
    pub kept: Checkpoint,
}

impl Line {
    /// The logs that ended, oldest first.
    pub fn ended(&self) -> Vec<Ended<'_>> {
        self.trust.ended().zip(self.trust.kept()).map(|(end, kept)| Ended { end, kept }).collect()
    }

    /// The first thing that is wrong, in the order of the logs.
    pub fn broken(&self) -> Option<Broken> {
        let kept = self.trust.kept();
        let parts = self.closed.iter().zip(&kept).chain([(&self.audit, &self.checkpoint)]);
        let mut before: Option<&Succession> = None;
        let mut ended = self.trust.ended();
        for (audit, checkpoint) in parts {
            let log = || checkpoint.origin.clone();
            if let Some(wrong) = audit.wrong() {
                return Some(Broken::Leaf { log: log(), wrong });
            }
            if !audit.agrees_with(checkpoint) {
                return Some(Broken::Root { log: log() });
            }
            // Of a log whose leaves were all lost nothing is left to say it.
            if before.is_some_and(|end| checkpoint.size > 0 && !audit.succeeds(end)) {
                return Some(Broken::Unnamed { log: log() });
            }
            before = ended.next();
        }
        None
    }

    /// Whether the line goes on from a checkpoint that was seen before, of whichever of its logs; and how many of the leaves
    /// seen then were lost when that log ended.
    pub fn continues(&self, since: &Checkpoint) -> (Continues, u64) {
        let kept = self.trust.kept();
        let of = kept.iter().zip(&self.closed).find(|(kept, _)| kept.origin == since.origin);
        match of {
            None => (continues(&self.audit, &self.checkpoint, since), 0),
            Some((kept, _)) if since.size > kept.size => (Continues::Yes, since.size - kept.size),
            Some((kept, audit)) => (continues(audit, kept, since), 0),
        }
    }
}
