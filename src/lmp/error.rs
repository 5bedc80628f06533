//! Why a request brought no answer, and whether asking again may help.

use std::error::Error;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::StatusCode;

use crate::certificate::{self, Flaw};

/// The vendor denies requests whose clock is further off than this.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(15);

/// Why a request brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum LmpError {
    /// The settings do not make a client.
    #[error("cannot set up the HTTP client: {0}")]
    Setup(String),
    /// No connection came about.
    #[error(
        "no connection to LMP at {server}: {problem}; check the network, the proxy and accounts.<name>.base_url"
    )]
    Connect {
        /// Host and port.
        server: String,
        /// What went wrong.
        problem: String,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of LMP's server is not trusted: {problem}; {}", .hint)]
    Certificate {
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The exchange took longer than `sync.request_timeout`.
    #[error("LMP did not answer wholly within {} s; sync.request_timeout sets the limit", .0.as_secs_f64())]
    Timeout(Duration),
    /// The connection broke while headers or body were under way.
    #[error("the exchange with LMP broke off: {0}; if it lasts, check the network and the proxy")]
    Broken(String),
    /// 429, 408 or a server error.
    #[error("LMP answered {status}{}; {}", asked_to_wait(*.retry_after), unavailable_hint(*.status))]
    Unavailable {
        /// The status code.
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// 401 or 403.
    #[error("LMP denied access ({status}): {}", denied_hint(*.skew))]
    Denied {
        /// The status code.
        status: StatusCode,
        /// How far this machine's clock is ahead of the server's.
        skew: Option<TimeDelta>,
    },
    /// 404 or 410.
    #[error(
        "LMP does not know this address ({0}): this version of its interface may be gone; check accounts.<name>.api_version and base_url"
    )]
    Gone(StatusCode),
    /// A redirect, which is never followed: token and signature would go along.
    #[error("LMP answered with a redirect ({0}), which is not followed; check accounts.<name>.base_url")]
    Redirected(StatusCode),
    /// Any other status.
    #[error(
        "LMP refused the request ({0}); if it lasts, ask Trend Micro's support, who find the request by its trace id"
    )]
    Refused(StatusCode),
    /// Whoever wanted the answer does not want it any more: the program ends, or the run has become another's.
    #[error("told to stop while waiting for the answer")]
    Stopped,
    /// The decoded answer is larger than allowed.
    #[error("the answer is larger than {0} bytes decoded; sync.max_response_bytes sets the limit")]
    TooLarge(u64),
    /// The answer could not be kept for reading.
    #[error("cannot keep the answer in a temporary file: {0}; check the space in the temporary directory")]
    Spool(#[from] std::io::Error),
}

fn asked_to_wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!(" and asks to wait {} s", wait.as_secs())).unwrap_or_default()
}

fn unavailable_hint(status: StatusCode) -> &'static str {
    if status == StatusCode::TOO_MANY_REQUESTS {
        "if it lasts, lower accounts.<name>.requests_per_second"
    } else {
        "if it lasts, ask Trend Micro's support, who find the request by its trace id"
    }
}

fn denied_hint(skew: Option<TimeDelta>) -> String {
    match skew {
        Some(skew) if skew.abs() > MAX_SKEW => format!(
            "this machine's clock is {} s {} LMP's, and more than 15 minutes are not accepted; set the clock (NTP)",
            skew.abs().num_seconds(),
            if skew > TimeDelta::zero() { "ahead of" } else { "behind" },
        ),
        _ => {
            "check access_token and secret_key of the account, and that its role is Distributor, ISP or MSP \
              under a Distributor"
                .to_owned()
        }
    }
}

impl LmpError {
    /// Whether asking again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Timeout(_) | Self::Broken(_) | Self::Unavailable { .. })
    }

    /// Whether every other request of the account would be denied too.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }

    /// How long the server asks to wait before the next request.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Sorts an error of the HTTP library.
    pub(super) fn from_http(error: &reqwest::Error, timeout: Duration) -> Self {
        if let Some((flaw, problem)) = certificate::problem(error) {
            return Self::Certificate { problem, hint: certificate_hint(flaw) };
        }
        if error.is_connect() {
            // "Operation timed out" is all the library says of a connection that nobody takes.
            let problem = if error.is_timeout() {
                "nobody answers at its address".to_owned()
            } else {
                root_cause(error)
            };
            return Self::Connect { server: server(error), problem };
        }
        if error.is_timeout() {
            return Self::Timeout(timeout);
        }
        Self::Broken(root_cause(error))
    }
}

/// Where the request went.
fn server(error: &reqwest::Error) -> String {
    let Some(url) = error.url() else { return "its address".to_owned() };
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

/// The innermost cause says most, and none of the outer ones name anything secret or useful.
pub(super) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn certificate_hint(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Dates => {
            "check this machine's clock (NTP); if it is right, the server's operator has to renew the certificate"
        }
        Flaw::Name => {
            "another server answers at this address; check accounts.<name>.base_url, DNS and the proxy"
        }
        Flaw::Signature => "behind a proxy that inspects TLS, name its CA in sync.ca_file",
        Flaw::Other => "the operator of the server, or of a proxy before it, has to replace the certificate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_the_clock_only_when_the_clock_is_the_reason() {
        let denied = |skew| LmpError::Denied { status: StatusCode::UNAUTHORIZED, skew }.to_string();
        assert!(denied(Some(TimeDelta::minutes(20))).contains("1200 s ahead of LMP's"));
        assert!(denied(Some(TimeDelta::minutes(-20))).contains("1200 s behind LMP's"));
        assert!(denied(Some(TimeDelta::minutes(14))).contains("access_token"));
        assert!(denied(None).contains("access_token"));
    }
}
