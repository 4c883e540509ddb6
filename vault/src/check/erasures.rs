//! The erasure ledger, held against the tombstones in the store and they against it.

use std::collections::HashSet;

use super::log::Log;
use super::{Check, CheckError, Code, Finding, Place};
use crate::keyring::record::SubjectRow;
use crate::ledger::erasures::{self, Contents, ErasuresError};
use crate::seal::verify::Verifier;
use crate::store::Family;

impl Check<'_> {
    /// Every key that was destroyed before the leaf up to which the ledger is complete stands in it, and none that stands
    /// in it lives. What was destroyed since is carried over by the next start, as after a kill.
    pub(super) fn erasures(&mut self, log: &Log, verifier: Option<&Verifier>) -> Result<(), CheckError> {
        self.progress.stage("erasures", None);
        let mut named = HashSet::new();
        let each = &mut |erased: erasures::Erased| {
            named.insert(erased.id);
            Ok(())
        };
        let voucher = verifier.and_then(Verifier::voucher);
        let contents = match erasures::read(self.home.erasures, voucher.as_ref(), each) {
            Ok(contents) => contents,
            Err(error) => return self.unread(error),
        };
        let of_this_log = contents.origin == self.home.log_key.name();
        let Contents { complete, .. } = contents;
        let end = self.volume.position(log.size);
        if of_this_log && complete > end {
            self.add(Finding::new(Code::ErasuresAhead, Place::of("erasures")).against(end, complete));
        }
        self.each(Family::Keys, SubjectRow::PREFIX, |check, key, value| {
            let Some(id) = SubjectRow::id(key) else { return Ok(()) };
            let place = Place::of(Family::Keys).key(&id);
            match SubjectRow::decode(value) {
                Some(SubjectRow::Destroyed { at }) if of_this_log && at < complete && !named.contains(&id) => {
                    check.found(Code::ErasureUnmirrored, place.leaf(at));
                }
                Some(SubjectRow::Living { .. }) if named.contains(&id) => {
                    check.found(Code::ErasedKeyLives, place);
                }
                _ => {}
            }
            Ok(())
        })
    }

    fn unread(&mut self, error: ErasuresError) -> Result<(), CheckError> {
        let code = match error {
            ErasuresError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Code::ErasuresMissing,
            ErasuresError::Io(error) => return Err(CheckError::Erasures(error)),
            ErasuresError::OfAnotherVault | ErasuresError::OfAnotherLog(_) => Code::ErasuresForeign,
            _ => Code::ErasuresDamaged,
        };
        self.found(code, Place::of("erasures"));
        Ok(())
    }
}
