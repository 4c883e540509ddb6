//! What a batch relies on. Checked by the single writer just before the batch, so that order in the log is order
//! of effect.

use coffer_wire::Hash;
use ring::digest::{Context, SHA256};

use super::Family;

/// A statement about the store that must hold when a batch is numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The row does not exist.
    Absent {
        /// Where the row would live.
        family: Family,
        /// The row's key.
        key: Vec<u8>,
    },
    /// The row exists with the value that was read.
    Is {
        /// Where the row lives.
        family: Family,
        /// The row's key.
        key: Vec<u8>,
        /// SHA-256 of its value.
        hash: Hash,
    },
    /// The row does not exist, or exists with the value that this batch gives it.
    AbsentOr {
        /// Where the row lives.
        family: Family,
        /// The row's key.
        key: Vec<u8>,
        /// SHA-256 of that value.
        hash: Hash,
    },
    /// The row exists, and its value begins with these bytes, whatever follows them.
    Begins {
        /// Where the row lives.
        family: Family,
        /// The row's key.
        key: Vec<u8>,
        /// What its value begins with.
        bytes: Vec<u8>,
    },
    /// Under the prefix stand exactly the rows that were read: none more, none less, none other.
    Prefix {
        /// Where the rows live.
        family: Family,
        /// What their keys start with.
        prefix: Vec<u8>,
        /// [`prefix_digest`] of all rows under the prefix.
        digest: Hash,
    },
}

impl Precondition {
    /// Whether it speaks of one row, and that row is one of these.
    pub fn is_on(&self, rows: impl Fn(Family, &[u8]) -> bool) -> bool {
        match self {
            Precondition::Absent { family, key }
            | Precondition::Is { family, key, .. }
            | Precondition::AbsentOr { family, key, .. }
            | Precondition::Begins { family, key, .. } => rows(*family, key),
            Precondition::Prefix { .. } => false,
        }
    }

    /// That a row still is what was read: `None` for no row.
    pub fn unchanged(family: Family, key: Vec<u8>, read: Option<&[u8]>) -> Precondition {
        match read {
            None => Precondition::Absent { family, key },
            Some(value) => Precondition::Is { family, key, hash: Hash::sha256(value) },
        }
    }
}

/// SHA-256 of rows in the order given (ascending by key, as [`Engine::scan`](super::Engine::scan) returns them).
///
/// Each key and each value is preceded by its length (8 bytes, big-endian), so two different lists never give the
/// same input.
pub fn prefix_digest(pairs: &[(Vec<u8>, Vec<u8>)]) -> Hash {
    let mut context = Context::new(&SHA256);
    for (key, value) in pairs {
        for part in [key, value] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Hash::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
        (key.into(), value.into())
    }

    #[test]
    fn bytes_that_move_between_key_and_value_change_the_digest() {
        let lists = [
            vec![],
            vec![pair("", "")],
            vec![pair("ab", "c")],
            vec![pair("a", "bc")],
            vec![pair("a", "b"), pair("c", "")],
            vec![pair("c", ""), pair("a", "b")],
        ];
        for (i, left) in lists.iter().enumerate() {
            for (j, right) in lists.iter().enumerate() {
                assert_eq!(prefix_digest(left) == prefix_digest(right), i == j, "{i} {j}");
            }
        }
    }

    #[test]
    fn the_digest_of_no_rows_is_that_of_no_bytes() {
        assert_eq!(prefix_digest(&[]), Hash::sha256(b""));
    }
}
