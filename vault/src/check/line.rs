//! The notes by which the log was handed on, to a new key or to a successor: that the key which was handed out leads to
//! the one that signs now, and that the log itself names each of them.

use coffer_wire::Hash;
use coffer_wire::succession::Handover;

use super::log::Log;
use super::{Check, CheckError, Code, Place};
use crate::ledger::Volume;
use crate::ledger::line::Line;
use crate::ledger::start::StartError;
use crate::store::Family;

/// The row of the meta family that a finding names.
const ENTRY: &str = "handover";

impl Check<'_> {
    /// Follows the notes from the key that was handed out.
    pub(super) fn follow(&mut self) -> Result<(), CheckError> {
        match Line::stored(self.home.engine) {
            Ok(line) => self.line = line,
            Err(StartError::Store(error)) => return self.damaged(Family::Meta, error),
            Err(_) => {
                self.handover_wrong();
                return Ok(());
            }
        }
        self.volume = self.line.volume();
        match self.line.trusted_from(self.home.log_key) {
            Ok(trust) => self.trust = trust,
            Err(_) => self.handover_wrong(),
        }
        match Line::beside(self.home.head) {
            Ok(beside) if beside.leads_to(&self.line) => {}
            Ok(_) | Err(StartError::Handover) => self.found(Code::HandoverWrong, Place::of("head").entry(ENTRY)),
            Err(StartError::Head(error)) => return Err(CheckError::Head(error)),
            Err(_) => {}
        }
        Ok(())
    }

    /// Each note is named by a leaf: the first of the successor, or the one that tells of the new key.
    pub(super) fn named(&mut self, log: &Log) {
        if log.unread > 0 || self.is_damaged(Family::Leaves) {
            return;
        }
        let kept = self.line.kept();
        let is_there =
            |volume: &Volume| *volume == self.volume || kept.iter().any(|(of, kept)| of == volume && kept.size > 0);
        let unnamed = self.line.handovers().filter(|handover| match handover {
            Handover::Succession(succession) => {
                let successor = Volume::of_origin(succession.successor.name());
                is_there(&successor) && log.succeeded.get(&successor) != Some(&handover.hash())
            }
            Handover::Rekey(rekey) => {
                let volume = Volume::of_origin(&rekey.log);
                // Where leaves were lost, the one that names it may be among them.
                let whole = volume == self.volume;
                whole && !log.rekeyed.contains(&Hash::sha256(rekey.key.to_string().as_bytes()))
            }
        });
        for _ in 0..unnamed.count() {
            self.handover_wrong();
        }
    }

    fn handover_wrong(&mut self) {
        self.found(Code::HandoverWrong, Place::of(Family::Meta).entry(ENTRY));
    }
}
