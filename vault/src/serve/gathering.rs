//! Shares on their way to a root key: kept until enough of them are there, and not for long.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use coffer_keys::seal::{Seal, SealError, Share, ShareError};
use coffer_wire::api::Shares;
use coffer_wire::problem::{Code, Problem};
use coffer_wire::{Name, Value};

/// Shares are waited for so long after the last one; then they are forgotten.
const KEPT_TIME: Duration = Duration::from_secs(60 * 60);
/// How often one application may try within [`TRIES_TIME`]. A ceremony of sixteen officers with a slip each stays below.
const TRIES_MAX: usize = 40;
const TRIES_TIME: Duration = Duration::from_secs(60);

/// What was handed in.
#[derive(Default)]
pub(super) struct Gathering {
    shares: Vec<Share>,
    /// Where each came from, for the log.
    from: Vec<String>,
    last: Option<Instant>,
    tries: HashMap<Name, Vec<Instant>>,
}

/// Enough shares, and where they came from.
pub(super) struct Gathered {
    pub(super) shares: Vec<Share>,
    pub(super) from: Vec<String>,
}

impl Gathering {
    /// Counts a try of an application, or says that it tries too often.
    pub(super) fn may_try(&mut self, application: Name, now: Instant) -> Result<(), Problem> {
        let tries = self.tries.entry(application).or_default();
        tries.retain(|at| now.duration_since(*at) < TRIES_TIME);
        if tries.len() >= TRIES_MAX {
            return Err(Problem::new(Code::TooManyRequests).with_detail("over the tries to open the vault in a minute"));
        }
        tries.push(now);
        Ok(())
    }

    /// Takes what a caller hands in, nothing where the seal needs no shares. Answers all that is needed once it is there;
    /// they are gathered anew then, whatever comes of these.
    pub(super) fn take(
        &mut self,
        seal: &dyn Seal,
        share: Option<&Value>,
        from: String,
        now: Instant,
    ) -> Result<Option<Gathered>, Problem> {
        let Some(needed) = seal.shares_needed() else {
            return match share {
                None => Ok(Some(Gathered { shares: Vec::new(), from: vec![from] })),
                Some(_) => Err(problem_of_seal(&SealError::NoShares)),
            };
        };
        let share = share.ok_or_else(|| Problem::new(Code::ShareMissing))?;
        let share = Share::parse(share.expose()).map_err(problem_of_share)?;
        self.forget_old(now);
        seal.admit(&share, &self.shares).map_err(|error| problem_of_seal(&error))?;
        self.shares.push(share);
        self.from.push(from);
        self.last = Some(now);
        if self.shares.len() < usize::from(needed) {
            return Ok(None);
        }
        self.last = None;
        Ok(Some(Gathered { shares: std::mem::take(&mut self.shares), from: std::mem::take(&mut self.from) }))
    }

    /// How far it has come; nothing where the seal needs no shares.
    pub(super) fn progress(&self, seal: &dyn Seal) -> Option<Shares> {
        let set = self.shares.first().map(|share| share.set().to_string());
        Some(Shares { needed: seal.shares_needed()?, have: u8::try_from(self.shares.len()).unwrap_or(u8::MAX), set })
    }

    /// Forgets shares that were waited for too long.
    pub(super) fn forget_old(&mut self, now: Instant) {
        if self.last.is_some_and(|last| now.duration_since(last) > KEPT_TIME) {
            self.forget();
        }
    }

    /// Forgets every share.
    pub(super) fn forget(&mut self) {
        self.shares.clear();
        self.from.clear();
        self.last = None;
    }
}

/// What is said of a text that is no share. Repeats nothing of it.
fn problem_of_share(error: ShareError) -> Problem {
    let code = match error {
        ShareError::Malformed | ShareError::Numbers => Code::ShareMalformed,
        ShareError::Checksum => Code::ShareChecksum,
    };
    Problem::new(code).with_detail(error.to_string())
}

/// What is said of a seal that does not give the root key. Why a file or a token does not is the operator's alone.
pub(super) fn problem_of_seal(error: &SealError) -> Problem {
    let code = match error {
        SealError::NoShares => Code::ShareNotTaken,
        SealError::OtherSet(_) => Code::ShareOfAnotherSet,
        SealError::Twice(_) => Code::ShareTwice,
        SealError::TooFew { .. } => Code::ShareMissing,
        SealError::WrongShares => Code::SharesWrong,
        SealError::Split(..) => Code::SplitImpossible,
        SealError::NothingPrepared => Code::NothingPrepared,
        // Where it lies is the operator's alone.
        SealError::PlaceTaken(_) => {
            tracing::error!(%error, "the seal cannot be changed");
            return Problem::new(Code::NextSealTaken);
        }
        _ => {
            tracing::error!(%error, "the seal does not give the root key");
            return Problem::new(Code::SealUnavailable);
        }
    };
    Problem::new(code).with_detail(error.to_string())
}
