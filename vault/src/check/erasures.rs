//! The erasure ledger, held against the tombstones in the store and they against it.

use std::collections::{HashMap, HashSet};

use coffer_keys::KeyId;
use coffer_wire::succession::ordinal;

use super::log::Log;
use super::{Check, CheckError, Code, Finding, Place};
use crate::keyring::record::{RootRow, State, SubjectRow, Use};
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
        let of_this_log = contents.origin == ordinal(self.home.log_key.name()).0;
        let Contents { complete, .. } = contents;
        let end = self.volume.position(log.size);
        if of_this_log && complete > end {
            self.add(Finding::new(Code::ErasuresAhead, Place::of("erasures")).against(end, complete));
        }
        let ended = self.ended(log)?;
        self.each(Family::Keys, SubjectRow::PREFIX, |check, key, value| {
            let Some(id) = SubjectRow::id(key) else { return Ok(()) };
            let place = Place::of(Family::Keys).key(&id);
            match SubjectRow::decode(value) {
                Some(SubjectRow::Destroyed { at }) if of_this_log && at < complete && !named.contains(&id) => {
                    check.found(Code::ErasureUnmirrored, place.leaf(at));
                }
                // What ended with the key over it has no tombstone, and is named all the same.
                Some(SubjectRow::Living { wrapped_by, .. }) if ended.contains_key(&wrapped_by) => {
                    let at = ended.get(&wrapped_by).copied().flatten().filter(|at| *at < complete);
                    if let Some(at) = at.filter(|_| of_this_log && !named.contains(&id)) {
                        check.found(Code::ErasureUnmirrored, place.leaf(at));
                    }
                }
                Some(SubjectRow::Living { .. }) if named.contains(&id) => {
                    check.found(Code::ErasedKeyLives, place);
                }
                _ => {}
            }
            Ok(())
        })
    }

    /// The category keys that were destroyed, each with the leaf by which all ended that lay under it.
    fn ended(&mut self, log: &Log) -> Result<HashMap<KeyId, Option<u64>>, CheckError> {
        let mut ended = HashMap::new();
        self.each(Family::Keys, RootRow::PREFIX, |_, key, value| {
            let (Some(id), Some(row)) = (RootRow::id(key), RootRow::decode(value)) else { return Ok(()) };
            if row.usage == Use::Category && row.state == State::Destroyed {
                ended.insert(id, log.keys.shredded_at((row.controller, row.category), row.version));
            }
            Ok(())
        })?;
        Ok(ended)
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
