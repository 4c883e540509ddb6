//! Where a wrapped key belongs.

use crate::context::{Context, Label};
use crate::id::KeyId;

/// What a key is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum KeyKind {
    /// The root of all; held by a seal, wrapped by nothing in the store.
    Root = 0,
    /// Of one controller and category; versioned.
    Category = 1,
    /// Of one controller and category; names rows.
    Locator = 2,
    /// Of one person or member of staff, for life: their private side of the log.
    Audit = 3,
    /// Of one person in one controller and category, or of another person in one record.
    Subject = 4,
    /// Signs the log's checkpoints.
    Log = 5,
    /// Of one generation of backups; lies in its own file, never in the store.
    Generation = 6,
}

impl KeyKind {
    /// The kind as it stands in the bytes.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// `None` for a code that no kind has.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Root,
            1 => Self::Category,
            2 => Self::Locator,
            3 => Self::Audit,
            4 => Self::Subject,
            5 => Self::Log,
            6 => Self::Generation,
            _ => return None,
        })
    }
}

/// The place of a wrapped key: it opens there and nowhere else. Names and ids, never locators, so
/// that a rotation of locators moves rows and leaves every wrapped key as it is.
///
/// `kind` describes the key to its reader. What binds is the operation: [`crate::RootKey::open_category`] opens category keys
/// and nothing else, whatever `kind` says, so a slip in a caller can neither confuse two kinds nor make a key that never opens.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub kind: KeyKind,
    pub controller: &'a str,
    pub category: &'a str,
    /// Of the key itself, within its line; 1 where there is but one.
    pub version: u32,
    /// Of the key itself.
    pub id: KeyId,
    /// Of the key that wraps it.
    pub wrapped_by: KeyId,
}

impl Place<'_> {
    pub(crate) fn context(&self, label: Label, kind: KeyKind) -> Context {
        Context::new(label)
            .part(&[kind.code()])
            .text(self.controller)
            .text(self.category)
            .number(u64::from(self.version))
            .part(self.id.as_bytes())
            .part(self.wrapped_by.as_bytes())
    }
}
