//! Requests that LMP does not serve.

use axum::http::StatusCode;

/// Why a request is refused.
///
/// LMP documents that it refuses, not with which status code: the codes are our reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such resource.
    #[error("no resource at this path")]
    NotFound,
    /// The resource takes POST only.
    #[error("only POST is allowed here")]
    MethodNotAllowed,
    /// A header is missing.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// A header is no text, or not of the documented form.
    #[error("the header {0} does not have the documented form")]
    MalformedHeader(&'static str),
    /// The access token belongs to no account.
    #[error("the access token is unknown")]
    UnknownToken,
    /// `x-posix-time` is more than 15 minutes away.
    #[error("x-posix-time is {0} seconds away from this server's clock")]
    ClockSkew(i64),
    /// The signature does not fit what was received.
    #[error("the signature does not match the request")]
    WrongSignature,
    /// The body is not one that this resource takes.
    #[error("{0}")]
    Filter(String),
    /// The cycle lies before the two years that are kept.
    #[error("billing reports older than two years are not kept")]
    TooOld,
}

impl Refusal {
    /// The status code of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MissingHeader("x-access-token" | "x-posix-time" | "x-signature")
            | Self::UnknownToken
            | Self::WrongSignature => StatusCode::UNAUTHORIZED,
            Self::ClockSkew(_) => StatusCode::FORBIDDEN,
            Self::MissingHeader(_) | Self::MalformedHeader(_) | Self::Filter(_) | Self::TooOld => {
                StatusCode::BAD_REQUEST
            }
        }
    }
}
