//! What a column holds, as the program knows it.

use chrono::NaiveDate;
use serde_json::value::RawValue;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::types::Json;
use sqlx::{Decode, Postgres, Type};

use super::{Outcome, StoreError};
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

impl Type<Postgres> for Outcome {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }

    fn compatible(of: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(of)
    }
}

impl<'r> Decode<'r, Postgres> for Outcome {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let text = <&str as Decode<Postgres>>::decode(value)?;
        let found = Self::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        Ok(found.ok_or_else(|| StoreError::Unexpected(format!("the poll outcome {text:?}")))?)
    }
}
