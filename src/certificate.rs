//! What is wrong with a server's certificate, dug out of the errors it comes wrapped in. What to do about it
//! depends on the server, and is said by those who speak to it.

use std::error::Error;

use rustls::CertificateError;

/// Why a certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Not valid yet, or not any more; or this machine's clock is wrong.
    Dates,
    /// It is another server's.
    Name,
    /// Nobody we trust has signed it, or the signature is wrong.
    Signature,
    /// It is of no use to anybody.
    Other,
}

/// The TLS library's error lies in one or more layers of `io::Error`, whose `source` steps over what it wraps.
pub(crate) fn problem(error: &(dyn Error + 'static)) -> Option<(Flaw, String)> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(problem)) = error.downcast_ref() {
            return Some((flaw(problem), problem.to_string()));
        }
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn flaw(problem: &CertificateError) -> Flaw {
    use CertificateError as E;
    match problem {
        E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => Flaw::Dates,
        E::NotValidForName | E::NotValidForNameContext { .. } => Flaw::Name,
        E::UnknownIssuer | E::BadSignature => Flaw::Signature,
        _ => Flaw::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_found_however_deeply_it_is_wrapped() {
        let mut error: Box<dyn Error + Send + Sync> =
            Box::new(rustls::Error::InvalidCertificate(CertificateError::Expired));
        for _ in 0..3 {
            assert_eq!(problem(&*error).map(|(flaw, _)| flaw), Some(Flaw::Dates));
            error = Box::new(std::io::Error::other(error));
        }
        assert!(problem(&std::io::Error::other("something else")).is_none());
        assert_eq!(flaw(&CertificateError::Revoked), Flaw::Other);
    }
}
