//! Where an account's requests go: the LMP's scheme and host.

use ::config::Value;
use url::{Host, Url};

use super::value::{Parsed, text};

/// Reads a base URL; nothing is taken that would send credentials in the clear or elsewhere than
/// it seems to.
pub(super) fn base_url(value: &Value) -> Parsed<Url> {
    let form = || "must be scheme and host only, such as https://cspi.trendmicro.com".to_owned();
    let text = text(value)?;
    // The URL standard forgives backslashes, tabs and missing slashes; here they are mistakes.
    if !text.contains("://") || text.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return Err(form());
    }
    let url = Url::parse(text).map_err(|_| form())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password: use access_token and secret_key".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(form());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err("must begin with https://: plain http is for loopback addresses only".to_owned()),
        _ => Err(form()),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Parsed<String> {
        base_url(&Value::new(None, url)).map(String::from)
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for right in ["http://127.0.0.1:8080", "http://127.9.9.9/", "http://[::1]:80", "http://localhost"] {
            assert!(read(right).is_ok(), "{right}");
        }
        for wrong in [
            "http://cspi.trendmicro.com",
            "http://localhost.example.com",
            "http://128.0.0.1",
            "http://[::2]",
            "http://0.0.0.0",
        ] {
            let found = read(wrong).unwrap_err();
            assert_eq!(
                found, "must begin with https://: plain http is for loopback addresses only",
                "{wrong}"
            );
        }
    }

    #[test]
    fn it_is_scheme_and_host_only() {
        assert_eq!(read("https://cspi.trendmicro.com").unwrap(), "https://cspi.trendmicro.com/");
        assert_eq!(read("HTTPS://10.0.0.1:8443/").unwrap(), "https://10.0.0.1:8443/");
        for wrong in [
            "",
            "cspi.trendmicro.com",
            "https://",
            "https:cspi.trendmicro.com",
            "https://\\cspi.trendmicro.com",
            "https://cspi.trendmicro.com/LMPI",
            "https://cspi.trendmicro.com/?",
            "https://cspi.trendmicro.com/#x",
            "https://cspi trendmicro.com",
            "https://cspi.trendmicro.com:99999",
            "ftp://cspi.trendmicro.com",
        ] {
            let found = read(wrong).unwrap_err();
            assert_eq!(found, "must be scheme and host only, such as https://cspi.trendmicro.com", "{wrong}");
        }
        for wrong in ["https://user@cspi.trendmicro.com", "https://:pw@cspi.trendmicro.com"] {
            assert!(read(wrong).unwrap_err().starts_with("must not hold a user name"), "{wrong}");
        }
    }
}
