//! A key or a value in a line of a program's log.
//!
//! error E0277: `AuditKey` doesn't implement `Debug`
//! error E0277: `CategoryKey` doesn't implement `Debug`
//! error E0277: `Identity` doesn't implement `Debug`
//! error E0277: `Keyring` doesn't implement `Debug`
//! error E0277: `Line` doesn't implement `Debug`
//! error E0277: `LocatorKey` doesn't implement `Debug`
//! error E0277: `LogKey` doesn't implement `Debug`
//! error E0277: `Plain` doesn't implement `Debug`
//! error E0277: `Plaintext` doesn't implement `Debug`
//! error E0277: `RootKey` doesn't implement `Debug`
//! error E0277: `Share` doesn't implement `Debug`
//! error E0277: `SubjectKey` doesn't implement `Debug`
//! error E0277: `Value` doesn't implement `Debug`

use coffer_compile_fail::secret::{
    AuditKey, CategoryKey, Identity, Keyring, Line, LocatorKey, LogKey, Plain, Plaintext, RootKey, Share, SubjectKey,
    Value,
};

pub fn audit_key(secret: &AuditKey) -> String {
    format!("{secret:?}")
}

pub fn category_key(secret: &CategoryKey) -> String {
    format!("{secret:?}")
}

pub fn identity(secret: &Identity) -> String {
    format!("{secret:?}")
}

pub fn keyring(secret: &Keyring) -> String {
    format!("{secret:?}")
}

pub fn line(secret: &Line) -> String {
    format!("{secret:?}")
}

pub fn locator_key(secret: &LocatorKey) -> String {
    format!("{secret:?}")
}

pub fn log_key(secret: &LogKey) -> String {
    format!("{secret:?}")
}

pub fn plain(secret: &Plain) -> String {
    format!("{secret:?}")
}

pub fn plaintext(secret: &Plaintext) -> String {
    format!("{secret:?}")
}

pub fn root_key(secret: &RootKey) -> String {
    format!("{secret:?}")
}

pub fn share(secret: &Share) -> String {
    format!("{secret:?}")
}

pub fn subject_key(secret: &SubjectKey) -> String {
    format!("{secret:?}")
}

pub fn value(secret: &Value) -> String {
    format!("{secret:?}")
}

fn main() {}
