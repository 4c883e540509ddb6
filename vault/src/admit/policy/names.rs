//! Names as bits: up to 64 names, each one bit of a `u64`.

use coffer_wire::Name;

/// At most 64 names, each with a bit of its own.
pub(in crate::admit) struct Names(Vec<Name>);

impl Names {
    /// Those who call have refused more than 64 names when the file was read.
    pub(super) fn new(names: impl IntoIterator<Item = Name>) -> Names {
        let mut names: Vec<Name> = names.into_iter().collect();
        names.sort();
        names.dedup();
        debug_assert!(names.len() <= 64);
        Names(names)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::admit) fn position(&self, name: &Name) -> Option<usize> {
        self.0.binary_search(name).ok()
    }

    pub(in crate::admit) fn bit(&self, name: &Name) -> Option<u64> {
        self.position(name).map(|position| 1 << position)
    }

    /// The bits of those names that are known; the others have none.
    pub(in crate::admit) fn bits<'a>(&self, names: impl IntoIterator<Item = &'a Name>) -> u64 {
        names.into_iter().filter_map(|name| self.bit(name)).fold(0, |bits, bit| bits | bit)
    }

    /// The names of some bits, in their order.
    pub(in crate::admit) fn of(&self, bits: u64) -> impl Iterator<Item = Name> {
        self.0.iter().enumerate().filter(move |(position, _)| bits & (1 << position) != 0).map(|(_, name)| *name)
    }
}
