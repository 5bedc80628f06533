//! What of an unknown field's value the database can keep.

use std::fmt;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};

/// Numbers written longer are not kept: PostgreSQL's `numeric` would hold some of them, and nobody would read them.
const MAX_NUMBER_BYTES: usize = 400;

/// Numbers PostgreSQL's `numeric` cannot hold, or only at absurd cost.
pub(super) fn has_absurd_number(json: &str) -> bool {
    if json.len() < 4 || !json.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    let (mut in_string, mut escaped, mut length, mut exponent) = (false, false, 0_usize, None::<usize>);
    for byte in json.bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'0'..=b'9' => {
                length += 1;
                let digit = usize::from(byte - b'0');
                exponent = exponent.map(|value| value.saturating_mul(10).saturating_add(digit));
            }
            b'e' | b'E' if length > 0 => exponent = Some(0),
            b'.' | b'+' | b'-' => {}
            _ => {
                in_string = byte == b'"';
                (length, exponent) = (0, None);
            }
        }
        if length > MAX_NUMBER_BYTES || exponent.is_some_and(|value| value > MAX_NUMBER_BYTES) {
            return true;
        }
    }
    false
}

/// Any JSON whose texts PostgreSQL can keep.
pub(super) struct Storable;

impl<'de> Deserialize<'de> for Storable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StorableVisitor)
    }
}

struct StorableVisitor;

impl<'de> Visitor<'de> for StorableVisitor {
    type Value = Storable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_unit<E>(self) -> Result<Storable, E> {
        Ok(Storable)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Storable, E> {
        if text.contains('\0') { Err(E::custom("a text holds the character NUL")) } else { Ok(Storable) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Storable, A::Error> {
        while seq.next_element::<Storable>()?.is_some() {}
        Ok(Storable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Storable, A::Error> {
        while let Some((key, _)) = map.next_entry::<String, Storable>()? {
            if key.contains('\0') {
                return Err(A::Error::custom("a field's name holds NUL"));
            }
        }
        Ok(Storable)
    }
}
