//! The checks that LMP makes of every request before it looks at what is asked.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use chrono::{DateTime, Utc};

use super::Account;
use super::refusal::Refusal;
use crate::domain::parse_guid;
use crate::lmp::sign::signature;

/// The same resource under both versions of the interface.
const PATHS: [&str; 2] = ["/LMPI/v2/reports/billing", "/LMPI/v3/reports/billing"];

/// How far `x-posix-time` may be from the server's clock, in seconds.
const GREATEST_SKEW: i64 = 15 * 60;

/// Finds the account that sent a request, if it is one LMP would serve.
///
/// `body` is what was received, byte for byte, and `now` the server's clock.
pub(super) fn check<'a>(
    head: &Parts,
    body: &[u8],
    accounts: &'a [Account],
    now: DateTime<Utc>,
) -> Result<&'a Account, Refusal> {
    if !PATHS.contains(&head.uri.path()) {
        return Err(Refusal::NotFound);
    }
    if head.method != Method::POST {
        return Err(Refusal::MethodNotAllowed);
    }
    let token = header(&head.headers, "x-access-token")?;
    let account =
        accounts.iter().find(|account| account.access_token == token).ok_or(Refusal::UnknownToken)?;
    let posix_time = check_time(&head.headers, now)?;
    parse_guid(header(&head.headers, "x-traceid")?).ok_or(Refusal::MalformedHeader("x-traceid"))?;
    if !is_json(header(&head.headers, "content-type")?) {
        return Err(Refusal::MalformedHeader("content-type"));
    }
    let uri = head.uri.path_and_query().map_or("/", |uri| uri.as_str());
    let expected = signature(&account.secret_key, posix_time, head.method.as_str(), uri, body);
    if header(&head.headers, "x-signature")? != expected {
        return Err(Refusal::WrongSignature);
    }
    Ok(account)
}

/// A header's text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let value = headers.get(name).ok_or(Refusal::MissingHeader(name))?;
    value.to_str().map_err(|_| Refusal::MalformedHeader(name))
}

fn check_time(headers: &HeaderMap, now: DateTime<Utc>) -> Result<&str, Refusal> {
    let malformed = Refusal::MalformedHeader("x-posix-time");
    let text = header(headers, "x-posix-time")?;
    if !(1..=10).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed);
    }
    let seconds: i64 = text.parse().map_err(|_| malformed)?;
    let skew = seconds - now.timestamp();
    if skew.abs() > GREATEST_SKEW { Err(Refusal::ClockSkew(skew)) } else { Ok(text) }
}

/// `application/json`, in UTF-8 where a charset is given.
fn is_json(content_type: &str) -> bool {
    let content_type = content_type.to_ascii_lowercase();
    let mut parts = content_type.split(';').map(str::trim);
    parts.next() == Some("application/json")
        && parts.all(|parameter| parameter.strip_prefix("charset=").is_none_or(|set| set == "utf-8"))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};

    use super::super::World;
    use super::*;

    const TOKEN: &str = "9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f";
    const BODY: &[u8] =
        br#"{"report_cycle_year":"2018","report_cycle_month":"08","report_status":["0","1"]}"#;

    /// The published test vector as a request.
    fn vector() -> Parts {
        let request = Request::post("/LMPI/v2/reports/billing")
            .header("x-access-token", TOKEN)
            .header("x-posix-time", "1363797148")
            .header("x-signature", "Vs45YPA4VvEoJwnVREcj34WN7MdMgYJuskkZJq5aAa8=")
            .header("x-traceid", "0d1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f")
            .header("content-type", "application/json; charset=utf-8");
        request.body(()).unwrap().into_parts().0
    }

    fn check_at(head: &Parts, body: &[u8], now: i64) -> Result<(), Refusal> {
        let account = Account {
            access_token: TOKEN.to_owned(),
            secret_key: "s3cr3t-key-for-tests".to_owned(),
            world: World::new(1, 1),
        };
        check(head, body, &[account], DateTime::from_timestamp(now, 0).unwrap()).map(|_| ())
    }

    fn with(name: &'static str, value: &'static str) -> Result<(), Refusal> {
        let mut head = vector();
        head.headers.insert(name, HeaderValue::from_static(value));
        check_at(&head, BODY, 1_363_797_148)
    }

    #[test]
    fn the_published_vector_is_served() {
        assert_eq!(check_at(&vector(), BODY, 1_363_797_148), Ok(()));
    }

    #[test]
    fn every_header_is_needed() {
        for name in ["x-access-token", "x-posix-time", "x-signature", "x-traceid", "content-type"] {
            let mut head = vector();
            head.headers.remove(name);
            assert_eq!(check_at(&head, BODY, 1_363_797_148), Err(Refusal::MissingHeader(name)));
        }
    }

    #[test]
    fn the_signature_covers_time_path_query_and_every_byte_of_the_body() {
        assert_eq!(with("x-signature", "Vs45"), Err(Refusal::WrongSignature));
        assert_eq!(with("x-posix-time", "1363797149"), Err(Refusal::WrongSignature));
        let mut body = BODY.to_vec();
        body.push(b' ');
        assert_eq!(check_at(&vector(), &body, 1_363_797_148), Err(Refusal::WrongSignature));
        for uri in ["/LMPI/v3/reports/billing", "/LMPI/v2/reports/billing?"] {
            let mut head = vector();
            head.uri = uri.parse().unwrap();
            assert_eq!(check_at(&head, BODY, 1_363_797_148), Err(Refusal::WrongSignature), "{uri}");
        }
    }

    #[test]
    fn fifteen_minutes_are_served_and_a_second_more_is_not() {
        for seconds in [-900, 900] {
            assert_eq!(check_at(&vector(), BODY, 1_363_797_148 + seconds), Ok(()));
        }
        for seconds in [-901, 901] {
            let refused = check_at(&vector(), BODY, 1_363_797_148 + seconds);
            assert_eq!(refused, Err(Refusal::ClockSkew(-seconds)));
        }
    }

    #[test]
    fn headers_have_the_documented_form() {
        for time in ["", "-1", "13637971480", "1363797148.0", "0x1"] {
            assert_eq!(with("x-posix-time", time), Err(Refusal::MalformedHeader("x-posix-time")));
        }
        assert_eq!(with("x-access-token", "someone"), Err(Refusal::UnknownToken));
        assert_eq!(with("x-traceid", "42"), Err(Refusal::MalformedHeader("x-traceid")));
        assert_eq!(with("content-type", "text/plain"), Err(Refusal::MalformedHeader("content-type")));
        assert_eq!(
            with("content-type", "application/json;charset=latin1"),
            Err(Refusal::MalformedHeader("content-type"))
        );
        assert_eq!(with("content-type", "application/json"), Ok(()));
    }

    #[test]
    fn other_paths_and_methods_are_refused_before_anything_else() {
        let mut head = vector();
        head.uri = "/LMPI/v1/reports/billing".parse().unwrap();
        assert_eq!(check_at(&head, BODY, 0), Err(Refusal::NotFound));
        let mut head = vector();
        head.method = Method::GET;
        assert_eq!(check_at(&head, BODY, 0), Err(Refusal::MethodNotAllowed));
    }
}
