//! `[http]`: the daemon's own endpoints.

use std::net::SocketAddr;

use ::config::Value;

use super::section::Section;
use super::value::{Parsed, text};

/// Health, metrics and the status page.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where to listen; `None` is off.
    pub listen: Option<SocketAddr>,
}

impl Http {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        // Loopback, because the pages tell partners' names to whoever asks.
        Self { listen: section.or("listen", Some(SocketAddr::from(([127, 0, 0, 1], 9464))), listen) }
    }
}

fn listen(value: &Value) -> Parsed<Option<SocketAddr>> {
    match text(value)? {
        "" => Ok(None),
        address => address.parse().map(Some).map_err(|_| {
            "must be an IP address and a port, such as \"127.0.0.1:9464\" or \"[::]:9464\", or \"\" for off"
                .to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{load, problems, variables};

    #[test]
    fn an_empty_text_turns_it_off() {
        assert_eq!(load("").http.listen, "127.0.0.1:9464".parse().ok());
        assert_eq!(load("[http]\nlisten = '[::]:80'").http.listen, "[::]:80".parse().ok());
        assert_eq!(load("[http]\nlisten = ''").http.listen, None);
        assert_eq!(variables(&[("LMP_BILLING_SYNC__HTTP__LISTEN", "")]).unwrap().http.listen, None);
    }

    #[test]
    fn a_name_or_a_bare_port_is_no_address() {
        for wrong in ["'localhost:9464'", "':9464'", "'127.0.0.1'", "9464", "false"] {
            let found = problems(&format!("[http]\nlisten = {wrong}"));
            assert_eq!(found.len(), 1, "{wrong}");
            assert!(found[0].starts_with("http.listen must be "), "{found:?}");
        }
    }
}
