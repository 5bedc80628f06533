//! HTTP dates, as in `Date` and `Retry-After`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The server's clock, if it tells it.
pub fn server_date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    text(headers, &DATE).and_then(parse)
}

/// How long the server asks to wait: a number of seconds, or a date, seen from the server's clock if it
/// tells it, because ours may be off, else from `now`.
///
/// A date in the past asks for no wait; what is neither is ignored.
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are as absurd as the largest number that does.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let now = server_date(headers).unwrap_or(now);
    Some((parse(text)? - now).to_std().unwrap_or_default())
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn parse(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text).ok().map(DateTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(value: &str) -> Option<Duration> {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        retry_after(&headers, now)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Mon, 23 Nov 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_past_date_asks_for_no_wait_and_an_absurd_number_for_the_longest() {
        assert_eq!(wait("Mon, 23 Nov 2020 12:00:30 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn a_date_is_seen_from_the_servers_clock() {
        let headers = HeaderMap::from_iter([
            (RETRY_AFTER, "Mon, 23 Nov 2026 14:00:30 GMT".parse().unwrap()),
            (DATE, "Mon, 23 Nov 2026 14:00:00 GMT".parse().unwrap()),
        ]);
        let ours = "2026-11-23T12:00:00Z".parse().unwrap();
        assert_eq!(retry_after(&headers, ours), Some(Duration::from_secs(30)));
    }

    #[test]
    fn nonsense_is_ignored() {
        for nonsense in ["", "soon", "-5", "1.5", "+3"] {
            assert_eq!(wait(nonsense), None, "{nonsense:?} was obeyed");
        }
    }
}
