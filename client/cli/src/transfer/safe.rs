//! Cells that a spreadsheet would take for a formula, and the mark that keeps it from doing so (OWASP, "CSV
//! Injection").
//!
//! A mark is put before every cell that begins like a formula, and before every cell that begins with the mark
//! itself, so that taking one mark off gives the very cell back.

use std::borrow::Cow;

/// A spreadsheet takes what stands behind it for text.
const MARK: char = '\'';

/// Whether a spreadsheet may run the cell.
pub fn is_run(cell: &str) -> bool {
    // The last four are what the first four become when an input method writes them in full width.
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// The cell as a spreadsheet may have it.
pub fn marked(cell: &str) -> Cow<'_, str> {
    if is_run(cell) || cell.starts_with(MARK) { Cow::Owned(format!("{MARK}{cell}")) } else { Cow::Borrowed(cell) }
}

/// The cell that was marked.
pub fn unmarked(cell: &str) -> &str {
    match cell.strip_prefix(MARK) {
        Some(rest) if is_run(rest) || rest.starts_with(MARK) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_marked_cell_is_run_and_each_is_found_again() {
        for cell in
            ["=1+2", "+44 7700 900123", "-3.00", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "'=1", "''", "'", "x", ""]
        {
            let marked = marked(cell);
            assert!(!is_run(&marked), "{cell:?}");
            assert_eq!(unmarked(&marked), cell);
        }
    }

    #[test]
    fn what_is_harmless_stays_as_it_is() {
        for cell in ["Zoë Ashdown", "12.50", "2026-01-31", ""] {
            assert_eq!(marked(cell), cell);
        }
        assert_eq!(marked("'t Hooft"), "''t Hooft", "or taking the mark off would not give it back");
        assert_eq!(unmarked("'t Hooft"), "'t Hooft");
    }
}
