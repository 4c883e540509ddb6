//! Keys for tests, made in the only way there is: from a key file.
#![allow(clippy::unwrap_used, dead_code)]

use coffer_keys::{CategoryKey, KeyId, KeyKind, Place, RootKey, SubjectKey, keyfile};

pub(crate) const CONTROLLER: &str = "oakvale";
pub(crate) const CATEGORY: &str = "bank";
pub(crate) const PERSON: &str = "T-1042";
pub(crate) const RECORD: &str = "mandate-1";

pub(crate) fn root() -> RootKey {
    let dir = tempfile::tempdir().unwrap();
    keyfile::create(dir.path().join("root.key")).unwrap()
}

pub(crate) fn place(kind: KeyKind) -> Place<'static> {
    Place {
        kind,
        controller: CONTROLLER,
        category: CATEGORY,
        version: 1,
        id: KeyId::from_bytes([1; 16]),
        wrapped_by: KeyId::from_bytes([2; 16]),
    }
}

pub(crate) fn category() -> CategoryKey {
    root().make_category(&place(KeyKind::Category)).unwrap().0
}

pub(crate) fn subject() -> SubjectKey {
    category().make_subject(&place(KeyKind::Subject)).unwrap().0
}
