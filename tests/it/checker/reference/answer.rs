//! Splits an answer into the texts of its entries.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's fields in their order, those that stand in it twice twice.
pub(super) struct Pairs(pub(super) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The entries of an answer; `None` if it is not one whole object with exactly one `reports` array.
pub(super) fn entries(body: &[u8]) -> Option<Vec<String>> {
    let Pairs(fields) = serde_json::from_slice(body).ok()?;
    let mut lists = fields.iter().filter(|(name, _)| name == "reports");
    let (Some((_, list)), None) = (lists.next(), lists.next()) else { return None };
    let entries: Vec<Box<RawValue>> = serde_json::from_str(list.get()).ok()?;
    Some(entries.iter().map(|entry| entry.get().to_owned()).collect())
}
