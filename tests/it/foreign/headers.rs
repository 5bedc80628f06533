//! `Retry-After` and `Date`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lmp_billing_sync::lmp::{retry_after, server_date};
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

/// The first line is `Retry-After`, the second one, if there is one, `Date`.
pub(crate) fn try_bytes(bytes: &[u8]) {
    let now: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().expect("a moment");
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let Ok(asked) = HeaderValue::from_bytes(lines.next().unwrap_or_default()) else { return };
    let mut headers = HeaderMap::from_iter([(RETRY_AFTER, asked.clone())]);
    let by_ours = retry_after(&headers, now);
    if let Some(Ok(date)) = lines.next().map(HeaderValue::from_bytes) {
        headers.insert(DATE, date);
    }
    let date = server_date(&headers);
    let wait = retry_after(&headers, now);

    let text = asked.to_str().unwrap_or_default().trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        assert_eq!(wait, Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX))));
    }
    assert_eq!(wait.is_some(), by_ours.is_some(), "whether it can be read does not depend on the date");
    if date.is_none() {
        assert_eq!(wait, by_ours);
    }
    // HTTP dates have whole seconds, and years of four digits.
    if let (Some(wait), false) = (wait, is_number) {
        assert!(wait.subsec_nanos() == 0 && wait < Duration::from_hours(24 * 366 * 10_000), "{wait:?}");
    }
}
