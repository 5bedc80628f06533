//! The signature every LMP request carries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

/// Signs a request: Base64 of the HMAC-SHA256, under the secret key's text, of the POSIX time, the
/// upper-case method, the request URI and, only when there is a body, Base64 of the body's MD5.
/// Nothing separates the parts.
///
/// `uri` is path and query, without scheme and host; `body` must be byte for byte what is sent.
#[allow(clippy::missing_panics_doc, reason = "HMAC accepts a key of any length")]
pub fn signature(secret_key: &str, posix_time: &str, method: &str, uri: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret_key.as_bytes()).expect("HMAC accepts a key of any length");
    mac.update(posix_time.as_bytes());
    mac.update(method.to_ascii_uppercase().as_bytes());
    mac.update(uri.as_bytes());
    if !body.is_empty() {
        mac.update(content_md5(body).as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

fn content_md5(body: &[u8]) -> String {
    STANDARD.encode(Md5::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cr3t-key-for-tests";
    const URI: &str = "/LMPI/v2/reports/billing";
    const BODY: &[u8] =
        br#"{"report_cycle_year":"2018","report_cycle_month":"08","report_status":["0","1"]}"#;

    #[test]
    fn agrees_with_the_published_rule_on_the_test_vector() {
        assert_eq!(content_md5(BODY), "xpa92p+8Vh0ZtUs7VuhtFg==");
        assert_eq!(
            signature(SECRET, "1363797148", "POST", URI, BODY),
            "Vs45YPA4VvEoJwnVREcj34WN7MdMgYJuskkZJq5aAa8="
        );
        assert_eq!(
            signature(SECRET, "1363797148", "post", URI, BODY),
            "Vs45YPA4VvEoJwnVREcj34WN7MdMgYJuskkZJq5aAa8="
        );
    }

    #[test]
    fn an_empty_body_adds_nothing_to_the_message() {
        // HMAC-SHA256 of "1363797148POST/LMPI/v2/reports/billing", computed with openssl.
        assert_eq!(
            signature(SECRET, "1363797148", "POST", URI, b""),
            "S4xQ7Eg2Y0D3A4yTNuvbaJt3ArkR+1s9klk2iZeWOfo="
        );
    }
}
