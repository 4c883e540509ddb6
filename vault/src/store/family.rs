//! The families that rows live in, and the names of their columns.

use std::borrow::Cow;
use std::fmt;

use coffer_wire::Name;

/// Begins the column name of every category's family.
const ROWS: &str = "rows:";

/// A set of rows with an order of its own; in RocksDB, a column family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Wrapped keys and their states.
    Keys,
    /// The bytes of the log's leaves, by index.
    Leaves,
    /// Hashes of the log's tree.
    Nodes,
    /// Sealed private parts of leaves.
    Private,
    /// Checkpoints, counters, the policy and the schema in force.
    Meta,
    /// The rows of one category.
    Rows(Name),
}

impl Family {
    /// The families that every store has.
    pub const FIXED: [Family; 5] = [Family::Keys, Family::Leaves, Family::Nodes, Family::Private, Family::Meta];

    /// The name of the column family: `keys`, …, or `rows:` and the category. Stored on disk, so never changed.
    pub fn column(&self) -> Cow<'static, str> {
        match self {
            Family::Keys => "keys".into(),
            Family::Leaves => "leaves".into(),
            Family::Nodes => "nodes".into(),
            Family::Private => "private".into(),
            Family::Meta => "meta".into(),
            Family::Rows(category) => format!("{ROWS}{category}").into(),
        }
    }

    /// The family whose column has this name, or `None` if this version knows no such family.
    pub fn of_column(column: &str) -> Option<Family> {
        if let Some(category) = column.strip_prefix(ROWS) {
            return Name::new(category).ok().map(Family::Rows);
        }
        Family::FIXED.into_iter().find(|family| family.column() == column)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_family_is_found_again_by_its_column() {
        let category = Family::Rows(Name::new("bank").unwrap());
        for family in Family::FIXED.into_iter().chain([category]) {
            assert_eq!(Family::of_column(&family.column()), Some(family));
        }
        assert_eq!(category.column(), "rows:bank");
    }

    #[test]
    fn an_unknown_column_is_no_family() {
        for column in ["", "default", "rows:", "rows:Bank", "rows", "Keys"] {
            assert_eq!(Family::of_column(column), None, "{column}");
        }
    }
}
