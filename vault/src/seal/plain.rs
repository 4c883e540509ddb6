//! Values in clear, on their way in or out.

use std::collections::BTreeMap;

use coffer_wire::{Name, Value};

/// Field values in clear. Does not print, is not copied, and is wiped when it is dropped.
#[derive(Default)]
pub struct Plain {
    values: BTreeMap<Name, Value>,
}

impl Plain {
    /// Nothing yet.
    pub fn new() -> Plain {
        Plain::default()
    }

    /// Adds the value of a field.
    pub fn insert(&mut self, field: Name, value: Value) {
        self.values.insert(field, value);
    }

    /// The values, for the answer.
    pub fn into_values(self) -> BTreeMap<Name, Value> {
        self.values
    }
}
