//! Objects that are read as objects alone. What serde derives for a struct also takes a list of its members without their
//! names, in which nobody can tell an unknown member from a known one.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::bounded;

/// A `T` that came as a JSON object.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// A list of at most `MAX` objects.
pub(crate) fn each<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(bounded::list::<_, Object<T>, MAX>(deserializer)?.into_iter().map(|Object(one)| one).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::api::{ListItem, Request};

    #[test]
    fn members_without_names_are_no_object() {
        let object = r#"{"category":"bank","person":"p"}"#;
        let list = r#"["bank","p"]"#;
        assert!(serde_json::from_str::<Object<ListItem>>(object).is_ok());
        assert!(serde_json::from_str::<Object<ListItem>>(list).is_err());
        let request = |item| format!(r#"{{"controller":"oakvale","purpose":"payments","items":[{item}]}}"#);
        assert!(serde_json::from_str::<Request<ListItem>>(&request(object)).is_ok());
        assert!(serde_json::from_str::<Request<ListItem>>(&request(list)).is_err());
    }
}
