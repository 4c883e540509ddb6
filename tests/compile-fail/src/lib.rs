//! The types whose values must stay where they are; for a twin, the name stands for bytes that
//! anybody may see, so that program and twin are the same text.

/// Every type that holds a key or a value in clear.
#[cfg(not(feature = "evidence"))]
pub mod secret {
    pub use coffer_keys::row::Identity;
    pub use coffer_keys::seal::Share;
    pub use coffer_keys::{AuditKey, CategoryKey, LocatorKey, LogKey, Plaintext, RootKey, SubjectKey};
    pub use coffer_vault::keyring::{Keyring, Line};
    pub use coffer_vault::seal::Plain;
    pub use coffer_wire::Value;
}

/// The same names for a public hash.
#[cfg(feature = "evidence")]
pub mod secret {
    pub use coffer_wire::Hash as AuditKey;
    pub use coffer_wire::Hash as CategoryKey;
    pub use coffer_wire::Hash as Identity;
    pub use coffer_wire::Hash as Keyring;
    pub use coffer_wire::Hash as Line;
    pub use coffer_wire::Hash as LocatorKey;
    pub use coffer_wire::Hash as LogKey;
    pub use coffer_wire::Hash as Plain;
    pub use coffer_wire::Hash as Plaintext;
    pub use coffer_wire::Hash as RootKey;
    pub use coffer_wire::Hash as Share;
    pub use coffer_wire::Hash as SubjectKey;
    pub use coffer_wire::Hash as Value;
}
