//! Lists and maps with an end, for what a caller sends. The element behind the last is refused while it is read: what a
//! body becomes in memory is then bounded by what the operation takes, and not by how small its elements can be written.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A list of at most `MAX` elements.
pub(crate) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(List::<T, MAX>(PhantomData))
}

/// A map of at most `MAX` entries, in which no key stands twice: which of the two was meant is not for us to say.
pub(crate) fn map<'de, D, K, V, const MAX: usize>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(Map::<K, V, MAX>(PhantomData))
}

struct List<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            list.push(element);
        }
        Ok(list)
    }
}

struct Map<K, V, const MAX: usize>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, const MAX: usize> Visitor<'de> for Map<K, V, MAX> {
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of at most {MAX}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<BTreeMap<K, V>, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            if map.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            match map.entry(key) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(_) => return Err(A::Error::custom("a key stands twice")),
            };
        }
        Ok(map)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Sent {
        #[serde(default, deserialize_with = "list::<_, _, 3>")]
        list: Vec<Counted>,
        #[serde(default, deserialize_with = "map::<_, _, _, 3>")]
        map: BTreeMap<String, u8>,
    }

    thread_local! {
        static MADE: Cell<usize> = const { Cell::new(0) };
    }

    struct Counted;

    impl<'de> serde::Deserialize<'de> for Counted {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Counted, D::Error> {
            u8::deserialize(deserializer)?;
            MADE.set(MADE.get() + 1);
            Ok(Counted)
        }
    }

    fn read(json: &str) -> Result<Sent, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn what_fits_is_read() {
        assert_eq!(read(r#"{"list":[1,2,3]}"#).unwrap().list.len(), 3);
        assert_eq!(read(r#"{"map":{"a":1,"b":2,"c":3}}"#).unwrap().map.len(), 3);
        assert!(read("{}").unwrap().list.is_empty());
    }

    #[test]
    fn a_list_is_refused_at_the_element_behind_its_last() {
        MADE.set(0);
        let long = format!(r#"{{"list":[{}0]}}"#, "0,".repeat(100_000));
        assert!(read(&long).is_err());
        assert_eq!(MADE.get(), 4);
    }

    #[test]
    fn a_map_is_refused_when_it_is_longer_or_names_a_key_twice() {
        assert!(read(r#"{"map":{"a":1,"b":2,"c":3,"d":4}}"#).is_err());
        assert!(read(r#"{"map":{"a":1,"a":1}}"#).is_err());
    }
}
