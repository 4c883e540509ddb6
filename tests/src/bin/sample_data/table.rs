//! CSV as of RFC 4180, with lines ended by a line feed.

/// A table on its way. An empty cell stands for a field that the record does not have.
pub(crate) struct Table(String);

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: &[&str]) -> Table {
        let mut table = Table(String::new());
        table.row(columns);
        table
    }

    /// Adds a row.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.cell(cell.as_ref());
        }
        self.0.push('\n');
    }

    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn cell(&mut self, cell: &str) {
        if cell.contains([',', '"', '\n', '\r']) {
            self.0.push('"');
            self.0.push_str(&cell.replace('"', "\"\""));
            self.0.push('"');
        } else {
            self.0.push_str(cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_row_is_quoted() {
        let mut table = Table::new(&["a", "b"]);
        table.row(&["one, two", "say \"when\""]);
        table.row(&["plain", ""]);
        assert_eq!(table.into_text(), "a,b\n\"one, two\",\"say \"\"when\"\"\"\nplain,\n");
    }
}
