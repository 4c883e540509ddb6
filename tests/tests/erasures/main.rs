//! Erasure that lasts: the ledger outside the store, stores that are put back, bytes that stay until files are written
//! anew, and the certificates that say how far it has come.
#![allow(clippy::unwrap_used)]

mod bytes;
mod command;
mod mirror;
mod putback;
mod shred;

use coffer_keys::KeyId;
use coffer_tests::harness::{Home, Running, Serving};
use coffer_vault::check::{self, Report, Silent};
use coffer_vault::keyring::record::SubjectRow;
use coffer_vault::ledger::erasures::{self, Contents};
use coffer_vault::store::{Engine, Family};
use serde_json::json;

/// The ledger of a home, and the keys that it names.
fn ledger(home: &Home) -> (Contents, Vec<KeyId>) {
    let mut ids = Vec::new();
    let contents = erasures::read(&home.config.log.erasures, None, &mut |erased| {
        ids.push(erased.id);
        Ok(())
    });
    (contents.unwrap(), ids)
}

/// Keys of persons in the store: those that live with their rows, and how many were destroyed.
fn keys(engine: &dyn Engine) -> (Vec<(Vec<u8>, Vec<u8>)>, Vec<KeyId>) {
    let rows = engine.scan(Family::Keys, SubjectRow::PREFIX, None, usize::MAX).unwrap();
    let lives = |row: &[u8]| matches!(SubjectRow::decode(row), Some(SubjectRow::Living { .. }));
    let (living, dead): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| lives(row));
    (living, dead.iter().map(|(key, _)| SubjectRow::id(key).unwrap()).collect())
}

/// Writes bank details of a person.
async fn write(vault: &Running, person: &str) {
    let officer = vault.staff("bank-officer", "oakvale");
    officer.write("bank", person, "main", json!({ "account_number": "00000017" })).await.granted();
}

fn checked(home: &Home, engine: &dyn Engine) -> Report {
    check::check(&home.to_check(engine), Some(&home.root_key()), &Silent).unwrap()
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.kept().iter().map(|finding| finding.code.as_str()).collect()
}
