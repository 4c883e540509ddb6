//! The store as it will be once the batch in the making is committed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use coffer_wire::Hash;

use super::{Batch, Change, Engine, Family, Precondition, StoreError, prefix_digest};

/// Rows asked of the engine at a time while a prefix is read whole.
const PAGE_ROWS: usize = 1_024;

/// An engine with the rows of a batch not yet committed laid over it.
///
/// The single writer checks each request's preconditions against this, then applies the request's rows: of two
/// requests in one batch, the second sees what the first did.
pub struct Overlay<'a> {
    engine: &'a dyn Engine,
    rows: HashMap<Family, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    /// What was weighed, by prefix, none of which begins another; follows what is applied.
    weights: Mutex<HashMap<Family, BTreeMap<Vec<u8>, Weight>>>,
}

/// How many rows stand somewhere, and the bytes of their values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Rows.
    pub rows: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Weight {
    /// One row of `before` bytes becomes one of `after`; `None` is no row.
    pub fn change(&mut self, before: Option<usize>, after: Option<usize>) {
        self.rows = self.rows + usize::from(after.is_some()) - usize::from(before.is_some());
        self.bytes = self.bytes + after.unwrap_or(0) - before.unwrap_or(0);
    }
}

impl<'a> Overlay<'a> {
    /// The store as the engine holds it.
    pub fn new(engine: &'a dyn Engine) -> Self {
        Overlay { engine, rows: HashMap::new(), weights: Mutex::default() }
    }

    /// Lays the changes of a batch over what is there.
    pub fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for change in batch.iter() {
            self.follow(change)?;
            let rows = self.rows.entry(change.family).or_default();
            rows.insert(change.key.clone(), change.value.clone());
        }
        Ok(())
    }

    /// How much stands under a prefix, as the batch leaves it. Scans once for each prefix.
    pub fn weigh(&self, family: Family, prefix: &[u8]) -> Result<Weight, StoreError> {
        let mut weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        let of_family = weights.entry(family).or_default();
        if let Some(known) = of_family.get(prefix) {
            return Ok(*known);
        }
        let rows = self.under(family, prefix)?;
        let weight = Weight { rows: rows.len(), bytes: rows.iter().map(|(_, value)| value.len()).sum() };
        of_family.insert(prefix.to_vec(), weight);
        Ok(weight)
    }

    fn follow(&self, change: &Change) -> Result<(), StoreError> {
        let mut weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of_family) = weights.get_mut(&change.family) else { return Ok(()) };
        let nearest = of_family.range_mut(..=change.key.clone()).next_back();
        if let Some((_, weight)) = nearest.filter(|(prefix, _)| change.key.starts_with(prefix)) {
            let stood = self.get(change.family, &change.key)?;
            weight.change(stood.as_ref().map(Vec::len), change.value.as_ref().map(Vec::len));
        }
        Ok(())
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
            Precondition::AbsentOr { family, key, hash } => {
                let value = self.get(*family, key)?;
                Ok(value.is_none_or(|value| Hash::sha256(&value) == *hash))
            }
            Precondition::Begins { family, key, bytes } => {
                let value = self.get(*family, key)?;
                Ok(value.is_some_and(|value| value.starts_with(bytes)))
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
        overlay.apply(&put("person", "first")).unwrap();
        assert!(!overlay.holds(&absent("person")).unwrap());
        assert!(overlay.holds(&is("person", "first")).unwrap());
    }

    #[test]
    fn of_two_that_would_put_one_row_the_second_holds_only_where_it_puts_the_same() {
        let or = |value: &str| Precondition::AbsentOr {
            family: META,
            key: b"row".to_vec(),
            hash: Hash::sha256(value.as_bytes()),
        };
        let memory = Memory::new();
        let mut overlay = Overlay::new(&memory);
        assert!(overlay.holds(&or("mine")).unwrap() && overlay.holds(&or("yours")).unwrap());
        overlay.apply(&put("row", "mine")).unwrap();
        assert!(overlay.holds(&or("mine")).unwrap());
        assert!(!overlay.holds(&or("yours")).unwrap());
    }

    #[test]
    fn a_row_that_is_to_begin_with_something_must_be_there_and_do_so() {
        let begins = |bytes: &str| Precondition::Begins { family: META, key: b"row".to_vec(), bytes: bytes.into() };
        let memory = Memory::new();
        let mut overlay = Overlay::new(&memory);
        assert!(!overlay.holds(&begins("")).unwrap());
        overlay.apply(&put("row", "active one")).unwrap();
        assert!(overlay.holds(&begins("active")).unwrap() && overlay.holds(&begins("active one")).unwrap());
        assert!(!overlay.holds(&begins("active one more")).unwrap() && !overlay.holds(&begins("b")).unwrap());
    }

    #[test]
    fn a_row_is_what_the_batch_leaves_of_it() {
        let memory = Memory::new();
        memory.commit(&put("row", "old")).unwrap();
        let mut overlay = Overlay::new(&memory);
        assert!(overlay.holds(&is("row", "old")).unwrap());
        overlay.apply(&put("row", "new")).unwrap();
        assert!(!overlay.holds(&is("row", "old")).unwrap());
        overlay.apply(&delete("row")).unwrap();
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
            overlay.apply(&change).unwrap();
            assert!(!overlay.holds(&read).unwrap(), "{change:?}");
        }
        let mut elsewhere = Overlay::new(&memory);
        elsewhere.apply(&put("q", "x")).unwrap();
        elsewhere.apply(&put("o", "x")).unwrap();
        assert!(elsewhere.holds(&read).unwrap());
    }

    #[test]
    fn a_weight_follows_what_is_laid_over_the_store() {
        let memory = Memory::new();
        for (key, value) in [("a", "0"), ("p1", "1"), ("p2", "22"), ("q", "3")] {
            memory.commit(&put(key, value)).unwrap();
        }
        let mut overlay = Overlay::new(&memory);
        overlay.apply(&put("p3", "333")).unwrap();
        let weigh = |overlay: &Overlay<'_>| overlay.weigh(META, b"p").unwrap();
        assert_eq!(weigh(&overlay), Weight { rows: 3, bytes: 6 });
        for change in [put("p4", "4444"), put("p2", "2"), delete("p1"), delete("p1"), put("q", "x"), put("p3", "")] {
            overlay.apply(&change).unwrap();
            let rows = overlay.under(META, b"p").unwrap();
            let counted = Weight { rows: rows.len(), bytes: rows.iter().map(|(_, value)| value.len()).sum() };
            assert_eq!(weigh(&overlay), counted, "{change:?}");
        }
        // It is kept, and the store is not asked again.
        memory.tamper(META, b"p9", Some(b"999".to_vec()));
        assert_eq!(weigh(&overlay).rows + 1, overlay.under(META, b"p").unwrap().len());
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
