//! The store as it will be once the batch in the making is committed.

use std::collections::{BTreeMap, HashMap};

use coffer_wire::Hash;

use super::{Batch, Engine, Family, Precondition, StoreError, prefix_digest};

/// Rows asked of the engine at a time while a prefix is read whole.
const PAGE_ROWS: usize = 1_024;

/// An engine with the rows of a batch not yet committed laid over it.
///
/// The single writer checks each request's preconditions against this, then applies the request's rows: of two
/// requests in one batch, the second sees what the first did.
pub struct Overlay<'a> {
    engine: &'a dyn Engine,
    rows: HashMap<Family, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'a> Overlay<'a> {
    /// The store as the engine holds it.
    pub fn new(engine: &'a dyn Engine) -> Self {
        Overlay { engine, rows: HashMap::new() }
    }

    /// Lays the changes of a batch over what is there.
    pub fn apply(&mut self, batch: &Batch) {
        for change in batch.iter() {
            let rows = self.rows.entry(change.family).or_default();
            rows.insert(change.key.clone(), change.value.clone());
        }
    }

    /// The value of one row, as the batch leaves it.
    pub fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changed(family, key) {
            Some(changed) => Ok(changed.cloned()),
            None => self.engine.get(family, key),
        }
    }

    /// What the batch makes of one row: nothing said (`None`), deleted (`Some(None)`), or its new value.
    pub fn changed(&self, family: Family, key: &[u8]) -> Option<Option<&Vec<u8>>> {
        self.rows.get(&family)?.get(key).map(Option::as_ref)
    }

    /// All rows under a prefix, ascending, as the batch leaves them.
    pub fn under(&self, family: Family, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let mut rows = self.stored_under(family, prefix)?;
        for (key, value) in self.changed_under(family, prefix) {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(rows.into_iter().collect())
    }

    /// Whether a precondition holds here and now.
    pub fn holds(&self, precondition: &Precondition) -> Result<bool, StoreError> {
        match precondition {
            Precondition::Absent { family, key } => Ok(self.get(*family, key)?.is_none()),
            Precondition::Is { family, key, hash } => {
                let value = self.get(*family, key)?;
                Ok(value.is_some_and(|value| Hash::sha256(&value) == *hash))
            }
            Precondition::Prefix { family, prefix, digest } => {
                Ok(prefix_digest(&self.under(*family, prefix)?) == *digest)
            }
        }
    }

    fn stored_under(&self, family: Family, prefix: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        let mut rows = BTreeMap::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.engine.scan(family, prefix, after.as_deref(), PAGE_ROWS)?;
            let whole = page.len() < PAGE_ROWS;
            after = page.last().map(|(key, _)| key.clone());
            rows.extend(page);
            if whole {
                return Ok(rows);
            }
        }
    }

    fn changed_under(&self, family: Family, prefix: &[u8]) -> impl Iterator<Item = (&Vec<u8>, &Option<Vec<u8>>)> {
        let rows = self.rows.get(&family);
        rows.into_iter()
            .flat_map(|rows| rows.range(prefix.to_vec()..))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::memory::Memory;
    use super::*;

    const META: Family = Family::Meta;

    fn put(key: &str, value: &str) -> Batch {
        let mut batch = Batch::new();
        batch.put(META, key, value);
        batch
    }

    fn delete(key: &str) -> Batch {
        let mut batch = Batch::new();
        batch.delete(META, key);
        batch
    }

    fn absent(key: &str) -> Precondition {
        Precondition::Absent { family: META, key: key.into() }
    }

    fn is(key: &str, value: &str) -> Precondition {
        Precondition::Is { family: META, key: key.into(), hash: Hash::sha256(value.as_bytes()) }
    }

    fn exactly(prefix: &str, pairs: &[(&str, &str)]) -> Precondition {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Precondition::Prefix { family: META, prefix: prefix.into(), digest: prefix_digest(&pairs) }
    }

    #[test]
    fn of_two_first_writes_in_one_batch_the_second_loses() {
        let memory = Memory::new();
        let mut overlay = Overlay::new(&memory);
        assert!(overlay.holds(&absent("person")).unwrap());
        overlay.apply(&put("person", "first"));
        assert!(!overlay.holds(&absent("person")).unwrap());
        assert!(overlay.holds(&is("person", "first")).unwrap());
    }

    #[test]
    fn a_row_is_what_the_batch_leaves_of_it() {
        let memory = Memory::new();
        memory.commit(&put("row", "old")).unwrap();
        let mut overlay = Overlay::new(&memory);
        assert!(overlay.holds(&is("row", "old")).unwrap());
        overlay.apply(&put("row", "new"));
        assert!(!overlay.holds(&is("row", "old")).unwrap());
        overlay.apply(&delete("row"));
        assert!(overlay.holds(&absent("row")).unwrap());
        assert_eq!(memory.get(META, b"row").unwrap(), Some(b"old".to_vec()));
    }

    #[test]
    fn a_row_more_less_or_other_breaks_a_prefix() {
        let memory = Memory::new();
        for (key, value) in [("a", "0"), ("p1", "1"), ("p2", "2"), ("q", "3")] {
            memory.commit(&put(key, value)).unwrap();
        }
        let read = exactly("p", &[("p1", "1"), ("p2", "2")]);
        assert!(Overlay::new(&memory).holds(&read).unwrap());
        for change in [put("p0", "0"), put("p2", "x"), put("p3", ""), delete("p1")] {
            let mut overlay = Overlay::new(&memory);
            overlay.apply(&change);
            assert!(!overlay.holds(&read).unwrap(), "{change:?}");
        }
        let mut elsewhere = Overlay::new(&memory);
        elsewhere.apply(&put("q", "x"));
        elsewhere.apply(&put("o", "x"));
        assert!(elsewhere.holds(&read).unwrap());
    }

    #[test]
    fn a_prefix_longer_than_a_page_is_read_whole() {
        let memory = Memory::new();
        let mut batch = Batch::new();
        for number in 0..=2 * PAGE_ROWS as u32 {
            batch.put(META, number.to_be_bytes(), "");
        }
        memory.commit(&batch).unwrap();
        assert_eq!(Overlay::new(&memory).under(META, b"").unwrap().len(), batch.len());
    }
}
