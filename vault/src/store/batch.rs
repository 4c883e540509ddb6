//! A list of changes that become durable together or not at all.

use super::Family;

/// Changes in the order in which they take effect: of two changes of one row, the later holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    changes: Vec<Change>,
    bytes: usize,
}

/// One row put or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where the row lives.
    pub family: Family,
    /// The row's key.
    pub key: Vec<u8>,
    /// The row's new value; `None` deletes it.
    pub value: Option<Vec<u8>>,
}

impl Batch {
    /// A batch without changes.
    pub fn new() -> Self {
        Batch::default()
    }

    /// Gives a row a value, whether or not it exists.
    pub fn put(&mut self, family: Family, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.push(Change { family, key: key.into(), value: Some(value.into()) });
    }

    /// Deletes a row, whether or not it exists.
    pub fn delete(&mut self, family: Family, key: impl Into<Vec<u8>>) {
        self.push(Change { family, key: key.into(), value: None });
    }

    /// Appends the changes of another batch.
    pub fn extend(&mut self, other: Batch) {
        self.bytes += other.bytes;
        self.changes.extend(other.changes);
    }

    /// The changes, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter()
    }

    /// How many changes it holds.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of all keys and values: what free space and batch limits are held against. The engine adds its own
    /// framing, some 20 bytes a change.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, change: Change) {
        self.bytes += change.key.len() + change.value.as_ref().map_or(0, Vec::len);
        self.changes.push(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_counts_the_bytes_of_keys_and_values() {
        let mut batch = Batch::new();
        batch.put(Family::Meta, "key", "value");
        batch.delete(Family::Keys, "gone");
        let mut all = Batch::new();
        all.put(Family::Meta, "a", "b");
        all.extend(batch);
        assert_eq!((all.len(), all.bytes(), all.is_empty()), (3, 14, false));
    }
}
