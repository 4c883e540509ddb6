//! A comparison whose time tells how much of a key was guessed.
//!
//! error E0369: binary operation `==` cannot be applied to type `AuditKey`
//! error E0369: binary operation `==` cannot be applied to type `CategoryKey`
//! error E0369: binary operation `==` cannot be applied to type `Identity`
//! error E0369: binary operation `==` cannot be applied to type `Keyring`
//! error E0369: binary operation `==` cannot be applied to type `Line`
//! error E0369: binary operation `==` cannot be applied to type `LocatorKey`
//! error E0369: binary operation `==` cannot be applied to type `LogKey`
//! error E0369: binary operation `==` cannot be applied to type `Plain`
//! error E0369: binary operation `==` cannot be applied to type `Plaintext`
//! error E0369: binary operation `==` cannot be applied to type `RootKey`
//! error E0369: binary operation `==` cannot be applied to type `Share`
//! error E0369: binary operation `==` cannot be applied to type `SubjectKey`
//! error E0369: binary operation `==` cannot be applied to type `Value`

use coffer_compile_fail::secret::{
    AuditKey, CategoryKey, Identity, Keyring, Line, LocatorKey, LogKey, Plain, Plaintext, RootKey, Share, SubjectKey,
    Value,
};

pub fn audit_key(one: AuditKey, other: AuditKey) -> bool {
    one == other
}

pub fn category_key(one: CategoryKey, other: CategoryKey) -> bool {
    one == other
}

pub fn identity(one: Identity, other: Identity) -> bool {
    one == other
}

pub fn keyring(one: Keyring, other: Keyring) -> bool {
    one == other
}

pub fn line(one: Line, other: Line) -> bool {
    one == other
}

pub fn locator_key(one: LocatorKey, other: LocatorKey) -> bool {
    one == other
}

pub fn log_key(one: LogKey, other: LogKey) -> bool {
    one == other
}

pub fn plain(one: Plain, other: Plain) -> bool {
    one == other
}

pub fn plaintext(one: Plaintext, other: Plaintext) -> bool {
    one == other
}

pub fn root_key(one: RootKey, other: RootKey) -> bool {
    one == other
}

pub fn share(one: Share, other: Share) -> bool {
    one == other
}

pub fn subject_key(one: SubjectKey, other: SubjectKey) -> bool {
    one == other
}

pub fn value(one: Value, other: Value) -> bool {
    one == other
}

fn main() {}
