//! What a column holds, as the program knows it.

use chrono::NaiveDate;
use serde_json::value::RawValue;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::types::Json;
use sqlx::{Decode, Postgres, Type};

use crate::domain::Cycle;

/// Unknown fields of a report, as the database writes them: a number keeps every digit.
pub type Extra = Json<Box<RawValue>>;

/// A cycle is stored as its first day.
impl Type<Postgres> for Cycle {
    fn type_info() -> PgTypeInfo {
        <NaiveDate as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Cycle {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <NaiveDate as Decode<Postgres>>::decode(value).map(Self::containing)
    }
}
