//! From raw values to typed ones.
//!
//! A value of the file has TOML's type and must have the right one: `"5"` is no number. A value of
//! the environment is always text and is read as what its setting needs. That is why the `config`
//! crate's own conversions are not used: they guess (a token `0123` becomes 123, 24.7 months become
//! 25), and their messages repeat the value.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ::config::{Value, ValueKind};
use bytesize::ByteSize;
use humantime_serde::re::humantime;

/// The value, or what it should have been: a sentence's end, as in `Problem::new`.
pub(super) type Parsed<T> = Result<T, String>;

/// More than any wait here can mean; keeps sums of times far from overflowing.
const LONGEST_DURATION: Duration = Duration::from_hours(366 * 24);

/// The environment variable a value came from; values of the file have none.
pub(super) fn variable(value: &Value) -> Option<&str> {
    value.origin()
}

pub(super) fn text(value: &Value) -> Parsed<&str> {
    match &value.kind {
        ValueKind::String(text) => Ok(text),
        _ => Err("must be text: put it in quotes".to_owned()),
    }
}

pub(super) fn boolean(value: &Value) -> Parsed<bool> {
    match &value.kind {
        ValueKind::Boolean(yes) => Some(*yes),
        _ => from_environment(value),
    }
    .ok_or_else(|| "must be true or false, without quotes".to_owned())
}

/// A whole number, such as `1..=100`.
pub(super) fn whole(value: &Value, range: RangeInclusive<u32>) -> Parsed<u32> {
    let number = match value.kind {
        ValueKind::I64(number) => u32::try_from(number).ok(),
        _ => from_environment(value),
    };
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        format!("must be a whole number from {} to {}, without quotes", range.start(), range.end())
    })
}

/// A number with or without a fraction; never infinite, because the range is not.
pub(super) fn number(value: &Value, range: RangeInclusive<f64>) -> Parsed<f64> {
    let number = match value.kind {
        ValueKind::Float(number) => Some(number),
        // No range here goes beyond 32 bits, which convert without loss.
        ValueKind::I64(number) => i32::try_from(number).ok().map(f64::from),
        _ => from_environment(value),
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("must be a number from {} to {}, without quotes", range.start(), range.end()))
}

pub(super) fn duration(value: &Value) -> Parsed<Duration> {
    let wrong = || "must be a time span with its unit, such as \"30s\", \"15m\" or \"24h\"".to_owned();
    let duration =
        text(value).ok().and_then(|text| humantime::parse_duration(text).ok()).ok_or_else(wrong)?;
    if duration.is_zero() || duration > LONGEST_DURATION {
        return Err("must be more than zero and at most 366 days".to_owned());
    }
    Ok(duration)
}

/// A size in bytes: a whole number, or text with a unit.
pub(super) fn bytes(value: &Value) -> Parsed<u64> {
    let bytes = match &value.kind {
        ValueKind::I64(number) => u64::try_from(*number).ok(),
        ValueKind::String(text) => text.parse().ok().map(|ByteSize(bytes)| bytes),
        _ => None,
    };
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| {
        "must be a size of at least one byte, such as \"1GiB\", \"500MB\" or 1048576".to_owned()
    })
}

/// A list of texts; in the environment they are separated by commas.
pub(super) fn list(value: &Value) -> Parsed<Vec<String>> {
    let wrong = || "must be a list of texts, such as [\"a\", \"b\"] (in the environment: a,b)".to_owned();
    match &value.kind {
        ValueKind::Array(items) => items
            .iter()
            .map(|item| text(item).map(ToOwned::to_owned))
            .collect::<Result<_, _>>()
            .map_err(|_| wrong()),
        ValueKind::String(items) if variable(value).is_some() => Ok(items
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(ToOwned::to_owned)
            .collect()),
        _ => Err(wrong()),
    }
}

pub(super) fn path(value: &Value) -> Parsed<PathBuf> {
    match text(value)? {
        "" => Err("must not be empty: give a file or directory, or remove the line".to_owned()),
        path if path.contains('\0') => Err("must not contain a NUL character".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}

fn from_environment<T: FromStr>(value: &Value) -> Option<T> {
    variable(value)?;
    text(value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: impl Into<ValueKind>) -> Value {
        Value::new(None, kind)
    }

    fn env(text: &str) -> Value {
        Value::new(Some(&"LMP_BILLING_SYNC__X".to_owned()), text)
    }

    #[test]
    fn the_file_must_have_the_right_type() {
        assert_eq!(boolean(&file(true)), Ok(true));
        assert_eq!(whole(&file(5_i64), 1..=9), Ok(5));
        assert_eq!(number(&file(0.5), 0.0..=1.0), Ok(0.5));
        assert_eq!(number(&file(1_i64), 0.0..=1.0), Ok(1.0));
        assert!(boolean(&file("true")).is_err());
        assert!(boolean(&file(1_i64)).is_err());
        assert!(whole(&file("5"), 1..=9).is_err());
        assert!(whole(&file(5.4), 1..=9).is_err());
        assert!(whole(&file(true), 1..=9).is_err());
        assert!(text(&file(123_i64)).is_err());
        assert!(list(&file("a,b")).is_err());
        assert!(list(&file(vec![1_i64])).is_err());
    }

    #[test]
    fn the_environment_is_read_as_what_is_needed() {
        assert_eq!(text(&env("0123")), Ok("0123"));
        assert_eq!(boolean(&env("false")), Ok(false));
        assert_eq!(whole(&env("5"), 1..=9), Ok(5));
        assert_eq!(number(&env("0.25"), 0.0..=1.0), Ok(0.25));
        assert_eq!(list(&env("a, b,")), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(list(&env("")), Ok(vec![]));
        assert!(boolean(&env("yes")).is_err());
        assert!(whole(&env(""), 0..=9).is_err());
    }

    #[test]
    fn ranges_hold_and_numbers_are_finite() {
        for wrong in [-1, 0, 10, i64::MAX] {
            assert!(whole(&file(wrong), 1..=9).is_err(), "{wrong} was taken");
        }
        for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(number(&file(wrong), 0.0..=1.0).is_err(), "{wrong} was taken");
        }
        assert!(number(&env("nan"), 0.0..=1.0).is_err());
    }

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(duration(&file("15m")), Ok(Duration::from_mins(15)));
        assert_eq!(bytes(&file("1GiB")), Ok(1 << 30));
        assert_eq!(bytes(&file(1024_i64)), Ok(1024));
        assert_eq!(bytes(&env("1024")), Ok(1024));
        for wrong in ["", "0s", "30", "-5s", "soon", "400days", "9999999999years"] {
            assert!(duration(&file(wrong)).is_err(), "{wrong:?} was taken");
        }
        for wrong in ["", "0", "0MB", "-1", "big", "1 parsec"] {
            assert!(bytes(&file(wrong)).is_err(), "{wrong:?} was taken");
        }
        assert!(duration(&file(30_i64)).is_err());
        assert!(bytes(&file(-1_i64)).is_err());
    }
}
