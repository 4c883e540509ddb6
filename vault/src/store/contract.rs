//! One law for all engines: whatever is done to one, a sorted map to which the same was done gives the same answers.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use coffer_wire::Name;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::memory::Memory;
use super::*;

/// Sequences tried on the memory engine, and on RocksDB, where each starts a store of its own.
const CASES: u32 = 256;
#[cfg(feature = "rocksdb")]
const ROCKS_CASES: u32 = 32;

#[derive(Debug, Clone)]
enum Op {
    Commit(Vec<Change>),
    Get(Family, Vec<u8>),
    Scan { family: Family, prefix: Vec<u8>, after: Option<Vec<u8>>, limit: usize },
    Tidy,
    Restart,
}

/// An engine that a test can stop and start.
trait Subject {
    fn engine(&self) -> &dyn Engine;
    /// Moves rows between memory and disk, which no answer may show.
    fn tidy(&mut self);
    /// Ends without ceremony and comes back.
    fn restart(&mut self);
}

#[derive(Default)]
struct Model(BTreeMap<(Family, Vec<u8>), Vec<u8>>);

impl Model {
    fn commit(&mut self, changes: &[Change]) {
        for Change { family, key, value } in changes {
            match value {
                Some(value) => self.0.insert((*family, key.clone()), value.clone()),
                None => self.0.remove(&(*family, key.clone())),
            };
        }
    }

    fn get(&self, family: Family, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(&(family, key.to_vec())).cloned()
    }

    fn scan(&self, family: Family, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.0.iter().filter(|((at, key), _)| *at == family && key.starts_with(prefix));
        let rows = rows.filter(|((_, key), _)| after.is_none_or(|after| key.as_slice() > after));
        rows.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }
}

fn families() -> [Family; 3] {
    [Family::Keys, Family::Rows(Name::new("bank").unwrap()), Family::Rows(Name::new("care").unwrap())]
}

fn family() -> impl Strategy<Value = Family> {
    prop::sample::select(families().to_vec())
}

/// Few bytes, so that keys meet: the least, its neighbour, the greatest.
fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(vec![0, 1, 0x61, 0xff]), 0..4)
}

fn change() -> impl Strategy<Value = Change> {
    let value = option::weighted(0.7, vec(any::<u8>(), 0..40));
    (family(), key(), value).prop_map(|(family, key, value)| Change { family, key, value })
}

fn op() -> impl Strategy<Value = Op> {
    let scan = (family(), key(), option::of(key()), 0usize..20);
    prop_oneof![
        8 => vec(change(), 0..8).prop_map(Op::Commit),
        8 => (family(), key()).prop_map(|(family, key)| Op::Get(family, key)),
        8 => scan.prop_map(|(family, prefix, after, limit)| Op::Scan { family, prefix, after, limit }),
        1 => Just(Op::Tidy),
        1 => Just(Op::Restart),
    ]
}

fn batch(changes: &[Change]) -> Batch {
    let mut batch = Batch::new();
    for Change { family, key, value } in changes.iter().cloned() {
        match value {
            Some(value) => batch.put(family, key, value),
            None => batch.delete(family, key),
        }
    }
    batch
}

fn agrees_with_a_sorted_map(subject: &mut dyn Subject, ops: Vec<Op>) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    subject.engine().ensure(&families()).unwrap();
    for op in ops {
        let engine = subject.engine();
        match op {
            Op::Commit(changes) => {
                engine.commit(&batch(&changes)).unwrap();
                model.commit(&changes);
            }
            Op::Get(family, key) => {
                let expected = model.get(family, &key);
                let cached = engine.get_cached(family, &key).unwrap();
                prop_assert!(cached == Cached::Miss || cached == Cached::Hit(expected.clone()));
                prop_assert_eq!(engine.get(family, &key).unwrap(), expected);
            }
            Op::Scan { family, prefix, after, limit } => {
                let found = engine.scan(family, &prefix, after.as_deref(), limit).unwrap();
                prop_assert_eq!(found, model.scan(family, &prefix, after.as_deref(), limit));
            }
            Op::Tidy => subject.tidy(),
            Op::Restart => subject.restart(),
        }
    }
    for family in families() {
        let found = subject.engine().scan(family, b"", None, usize::MAX).unwrap();
        prop_assert_eq!(found, model.scan(family, b"", None, usize::MAX));
    }
    Ok(())
}

impl Subject for Memory {
    fn engine(&self) -> &dyn Engine {
        self
    }

    fn tidy(&mut self) {
        self.sync();
    }

    fn restart(&mut self) {
        self.lose_power();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn the_memory_engine_agrees_with_a_sorted_map(ops in vec(op(), 0..60)) {
        agrees_with_a_sorted_map(&mut Memory::new(), ops)?;
    }
}

#[test]
fn an_unknown_family_is_refused_and_nothing_of_its_batch_is_kept() {
    let unknown = Family::Rows(Name::new("unknown").unwrap());
    refuses_an_unknown_family(&Memory::new(), unknown);
    #[cfg(feature = "rocksdb")]
    refuses_an_unknown_family(with_rocks::Store::new().engine(), unknown);
}

fn refuses_an_unknown_family(engine: &dyn Engine, family: Family) {
    let refused = StoreError::NoFamily { family };
    let mut batch = Batch::new();
    batch.put(Family::Meta, "known", "1");
    batch.put(family, "unknown", "1");
    assert_eq!(engine.commit(&batch), Err(refused.clone()));
    assert_eq!(engine.get(family, b"unknown"), Err(refused));
    assert_eq!(engine.get(Family::Meta, b"known"), Ok(None));
    engine.ensure(&[family, family]).unwrap();
    engine.commit(&batch).unwrap();
    assert_eq!(engine.get(family, b"unknown"), Ok(Some(b"1".to_vec())));
}

#[cfg(feature = "rocksdb")]
mod with_rocks {
    use super::super::rocks::{Rocks, Tuning};
    use super::*;

    /// A RocksDB store in a folder that goes with it.
    pub(super) struct Store {
        folder: tempfile::TempDir,
        rocks: Option<Rocks>,
    }

    impl Store {
        pub(super) fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let rocks = Rocks::create(&folder.path().join("data"), &Tuning::default()).unwrap();
            Store { folder, rocks: Some(rocks) }
        }
    }

    impl Subject for Store {
        fn engine(&self) -> &dyn Engine {
            self.rocks.as_ref().unwrap()
        }

        fn tidy(&mut self) {
            self.rocks.as_ref().unwrap().compact(Family::Keys).unwrap();
        }

        fn restart(&mut self) {
            self.rocks = None;
            self.rocks = Some(Rocks::open(&self.folder.path().join("data"), &Tuning::default()).unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ROCKS_CASES))]

        #[test]
        fn rocksdb_agrees_with_a_sorted_map(ops in vec(op(), 0..60)) {
            agrees_with_a_sorted_map(&mut Store::new(), ops)?;
        }
    }
}
