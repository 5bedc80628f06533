//! Splits an entry into its fields, without judging their values.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of an entry, not yet judged.
#[derive(Debug, Default)]
pub(in crate::lmp) struct Fields<'a> {
    pub(super) id: Option<&'a RawValue>,
    pub(super) partner_company_name: Option<&'a RawValue>,
    pub(super) start_date: Option<&'a RawValue>,
    pub(super) end_date: Option<&'a RawValue>,
    pub(super) status: Option<&'a RawValue>,
    pub(super) under_review_status: Option<&'a RawValue>,
    pub(super) unknown: Vec<(Cow<'a, str>, &'a RawValue)>,
    pub(super) duplicate: Option<String>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        let mut ids = 0;
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            let slot = match key.as_ref() {
                "id" => {
                    ids += 1;
                    &mut fields.id
                }
                "partner_company_name" => &mut fields.partner_company_name,
                "start_date" => &mut fields.start_date,
                "end_date" => &mut fields.end_date,
                "status" => &mut fields.status,
                "under_review_status" => &mut fields.under_review_status,
                _ => {
                    fields.unknown.push((key, value));
                    continue;
                }
            };
            if slot.replace(value).is_some() {
                fields.duplicate = Some(key.into_owned());
            }
        }
        if ids > 1 {
            // Which of them is meant nobody can say.
            fields.id = None;
        }
        if let Some(name) = twice(&fields.unknown) {
            fields.duplicate = Some(name);
        }
        Ok(fields)
    }
}

/// A name that occurs twice. Sorted, because an entry of megabytes may have a million fields, and comparing
/// each with each would take hours.
fn twice(fields: &[(Cow<'_, str>, &RawValue)]) -> Option<String> {
    if fields.len() < 2 {
        return None;
    }
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned())
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
