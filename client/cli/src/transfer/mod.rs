//! Records out of a CSV file into the vault, and back: what [`crate::commands::record::import`] and
//! [`crate::commands::record::export`] are made of.
//!
//! ```text
//! lines    CSV ─▶ cells, each line with its number and place; bounded memory
//! map      what the user declared: column ─▶ category.field, ids, constants, formats
//! plan     the map held against the header and the schema; a line ─▶ what is to be written, or why not
//! batch    lines that go into one request
//! send     a batch into the vault, sent again where that is safe
//! journal  how far an import has got, beside the CSV; survives kill -9 and power cuts
//! refused  which lines are not in the vault, and why
//! sheet    records as CSV or lines of JSON
//! safe     cells that a spreadsheet would run
//! ```

pub mod batch;
pub mod journal;
pub mod lines;
pub mod map;
pub mod plan;
pub mod refused;
pub mod safe;
pub mod send;
pub mod sheet;

use std::path::Path;

/// The folder in which a file lies.
pub fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
