//! Plain to sealed and back. Nothing is opened here without a permit and the record of the access,
//! and only what all three name alike.
//!
//! [`open`] takes the [`Permit`](crate::admit::Permit) and the
//! [`Recorded`](crate::ledger::Recorded) by value. Both are minted in one place each and can be
//! neither copied nor made here, so that an unauthorised or unlogged read does not compile.

mod draft;
mod listing;
mod open;
mod plain;
mod reseal;
mod stamp;
mod stored;
pub mod verify;

pub use draft::{Draft, NotSealed, Sealed};
pub use listing::{ListedRow, OpenedList, open_list};
pub use open::{Opened, open};
pub use plain::Plain;
pub use reseal::{Renewed, Resealed, Reseals, reseal};
pub use stored::{Ends, Found, Here, Stored, Target};

/// Which log the rows of this home are written under: 1 for the first, one more for each successor.
pub const ORIGIN_EPOCH: u32 = 1;
