//! What a secret type must not be able to do is checked when the tests are compiled.

use std::fmt::{Debug, Display};

use crate::row::Identity;
use crate::{AuditKey, CategoryKey, Context, LocatorKey, LogKey, Plaintext, RootKey, SubjectKey};

/// Two ways to answer `probe`: one for every type, one for types that have the trait. A type that has it makes the call
/// ambiguous, and the crate does not compile.
macro_rules! has_none_of {
    ($type:ty: $($forbidden:path),+) => {$(
        const _: () = {
            trait Probe<Way> {
                fn probe() {}
            }
            struct Every;
            struct Having;
            impl<T: ?Sized> Probe<Every> for T {}
            impl<T: ?Sized + $forbidden> Probe<Having> for T {}
            let _ = <$type as Probe<_>>::probe;
        };
    )+};
}

macro_rules! secret {
    ($($type:ty),+ $(,)?) => {$(
        has_none_of!($type: Debug, Display, Clone, PartialEq, serde::Serialize, serde::de::DeserializeOwned);
    )+};
}

secret!(RootKey, CategoryKey, LocatorKey, SubjectKey, AuditKey, LogKey, Plaintext, Identity, crate::prf::Prf);
has_none_of!(Context: Debug, Display);

#[test]
fn secret_types_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<RootKey>();
    shared::<CategoryKey>();
    shared::<LocatorKey>();
    shared::<SubjectKey>();
    shared::<AuditKey>();
    shared::<LogKey>();
}
