//! A key out of a file or a request.
//!
//! error E0277: the trait bound `AuditKey: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `CategoryKey: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `Identity: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `Keyring: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `Line: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `LocatorKey: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `LogKey: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `Plain: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `Plaintext: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `RootKey: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `Share: serde::Deserialize<'de>` is not satisfied
//! error E0277: the trait bound `SubjectKey: serde::Deserialize<'de>` is not satisfied

use coffer_compile_fail::secret::{
    AuditKey, CategoryKey, Identity, Keyring, Line, LocatorKey, LogKey, Plain, Plaintext, RootKey, Share, SubjectKey,
};

fn read<T: for<'de> serde::Deserialize<'de>>() -> Option<T> {
    None
}

pub fn audit_key() -> Option<AuditKey> {
    read()
}

pub fn category_key() -> Option<CategoryKey> {
    read()
}

pub fn identity() -> Option<Identity> {
    read()
}

pub fn keyring() -> Option<Keyring> {
    read()
}

pub fn line() -> Option<Line> {
    read()
}

pub fn locator_key() -> Option<LocatorKey> {
    read()
}

pub fn log_key() -> Option<LogKey> {
    read()
}

pub fn plain() -> Option<Plain> {
    read()
}

pub fn plaintext() -> Option<Plaintext> {
    read()
}

pub fn root_key() -> Option<RootKey> {
    read()
}

pub fn share() -> Option<Share> {
    read()
}

pub fn subject_key() -> Option<SubjectKey> {
    read()
}

fn main() {}
