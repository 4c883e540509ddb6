//! A key on its way into a file or an answer. A `Value` may go: crossing the line is what it is for.
//!
//! error E0277: the trait bound `AuditKey: serde::Serialize` is not satisfied
//! error E0277: the trait bound `CategoryKey: serde::Serialize` is not satisfied
//! error E0277: the trait bound `Identity: serde::Serialize` is not satisfied
//! error E0277: the trait bound `Keyring: serde::Serialize` is not satisfied
//! error E0277: the trait bound `Line: serde::Serialize` is not satisfied
//! error E0277: the trait bound `LocatorKey: serde::Serialize` is not satisfied
//! error E0277: the trait bound `LogKey: serde::Serialize` is not satisfied
//! error E0277: the trait bound `Plain: serde::Serialize` is not satisfied
//! error E0277: the trait bound `Plaintext: serde::Serialize` is not satisfied
//! error E0277: the trait bound `RootKey: serde::Serialize` is not satisfied
//! error E0277: the trait bound `Share: serde::Serialize` is not satisfied
//! error E0277: the trait bound `SubjectKey: serde::Serialize` is not satisfied

use coffer_compile_fail::secret::{
    AuditKey, CategoryKey, Identity, Keyring, Line, LocatorKey, LogKey, Plain, Plaintext, RootKey, Share, SubjectKey,
};

fn written(_: &impl serde::Serialize) {}

pub fn audit_key(secret: &AuditKey) {
    written(secret)
}

pub fn category_key(secret: &CategoryKey) {
    written(secret)
}

pub fn identity(secret: &Identity) {
    written(secret)
}

pub fn keyring(secret: &Keyring) {
    written(secret)
}

pub fn line(secret: &Line) {
    written(secret)
}

pub fn locator_key(secret: &LocatorKey) {
    written(secret)
}

pub fn log_key(secret: &LogKey) {
    written(secret)
}

pub fn plain(secret: &Plain) {
    written(secret)
}

pub fn plaintext(secret: &Plaintext) {
    written(secret)
}

pub fn root_key(secret: &RootKey) {
    written(secret)
}

pub fn share(secret: &Share) {
    written(secret)
}

pub fn subject_key(secret: &SubjectKey) {
    written(secret)
}

fn main() {}
