//! A second copy of a key or a value, which nobody would wipe.
//!
//! error E0599: no method named `clone` found for struct `AuditKey`
//! error E0599: no method named `clone` found for struct `CategoryKey`
//! error E0599: no method named `clone` found for struct `Identity`
//! error E0599: no method named `clone` found for struct `Keyring`
//! error E0599: no method named `clone` found for struct `Line`
//! error E0599: no method named `clone` found for struct `LocatorKey`
//! error E0599: no method named `clone` found for struct `LogKey`
//! error E0599: no method named `clone` found for struct `Plain`
//! error E0599: no method named `clone` found for struct `Plaintext`
//! error E0599: no method named `clone` found for struct `RootKey`
//! error E0599: no method named `clone` found for struct `Share`
//! error E0599: no method named `clone` found for struct `SubjectKey`
//! error E0599: no method named `clone` found for struct `Value`

use coffer_compile_fail::secret::{
    AuditKey, CategoryKey, Identity, Keyring, Line, LocatorKey, LogKey, Plain, Plaintext, RootKey, Share, SubjectKey,
    Value,
};

pub fn audit_key(secret: AuditKey) -> [AuditKey; 2] {
    [secret.clone(), secret]
}

pub fn category_key(secret: CategoryKey) -> [CategoryKey; 2] {
    [secret.clone(), secret]
}

pub fn identity(secret: Identity) -> [Identity; 2] {
    [secret.clone(), secret]
}

pub fn keyring(secret: Keyring) -> [Keyring; 2] {
    [secret.clone(), secret]
}

pub fn line(secret: Line) -> [Line; 2] {
    [secret.clone(), secret]
}

pub fn locator_key(secret: LocatorKey) -> [LocatorKey; 2] {
    [secret.clone(), secret]
}

pub fn log_key(secret: LogKey) -> [LogKey; 2] {
    [secret.clone(), secret]
}

pub fn plain(secret: Plain) -> [Plain; 2] {
    [secret.clone(), secret]
}

pub fn plaintext(secret: Plaintext) -> [Plaintext; 2] {
    [secret.clone(), secret]
}

pub fn root_key(secret: RootKey) -> [RootKey; 2] {
    [secret.clone(), secret]
}

pub fn share(secret: Share) -> [Share; 2] {
    [secret.clone(), secret]
}

pub fn subject_key(secret: SubjectKey) -> [SubjectKey; 2] {
    [secret.clone(), secret]
}

pub fn value(secret: Value) -> [Value; 2] {
    [secret.clone(), secret]
}

fn main() {}
