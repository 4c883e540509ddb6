//! The acts of the story, one a file, in the order in which they are told.

pub mod audit;
pub mod bank;
pub mod care;
pub mod consent;
pub mod doors;
pub mod erasure;
pub mod keys;
pub mod landlords;
pub mod tampering;

use coffer_client::Record;

use super::told::{NotAsTold, expect, some};

/// A field of what was read, after it was compared with what must be there.
fn same<'a>(record: &'a Record, field: &str, wanted: Option<&str>) -> Result<&'a str, NotAsTold> {
    let read = some(record.field(field), field)?.expose();
    expect(Some(read) == wanted, &format!("{field} is what was written"))?;
    Ok(read)
}
