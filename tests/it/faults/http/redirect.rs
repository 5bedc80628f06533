//! Redirects, which would carry token and signature to somebody else.

use super::certificates::{HERE, server};
use super::subject::{Expected, Subject};
use super::upstream::{Act, Upstream, answer, list, ok};
use crate::support::authority::Authority;

#[tokio::test]
async fn no_redirect_is_followed_and_the_second_host_sees_nothing() {
    let mut subject = Subject::new().await;
    // It would answer well, with something to store.
    let second = Upstream::always(vec![Act::Send(ok(&list(&subject.stored()[..3])))]).await;
    let to = format!("location: {}/LMPI/v2/reports/billing", second.base_url());
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let first = Upstream::always(vec![Act::Send(answer(status, &[&to], b""))]).await;
        subject.ask(&first, |options| options.max_attempts = 5);
        let code = status[..3].parse().ok();
        let words = ["redirect", "base_url"];
        subject.fails(status, Expected { status: code, attempts: 1, words: &words }).await;
        assert_eq!(first.asked().len(), 1, "{status}");
    }
    assert_eq!(second.lines(), 0, "nobody may even have connected");
    subject.converges().await;
}

#[tokio::test]
async fn a_redirect_from_tls_to_plain_http_is_not_followed_either() {
    let mut subject = Subject::new().await;
    let authority = Authority::new();
    let second = Upstream::always(vec![Act::Send(ok(&list(&subject.stored()[..3])))]).await;
    for to in [second.base_url(), "//elsewhere.invalid".to_owned(), "/LMPI/v3/reports/billing".to_owned()] {
        let redirect = answer("307 Temporary", &[&format!("location: {to}")], b"");
        let first = Upstream::tls(server(&authority.certify(HERE)), vec![Act::Send(redirect)]).await;
        subject.ask(&first, |options| options.ca_pem = Some(authority.pem()));
        let expected = Expected { status: Some(307), attempts: 1, words: &["redirect", "not followed"] };
        subject.fails(&to, expected).await;
        assert_eq!(first.asked().len(), 1, "{to}");
        assert!(first.asked()[0].text.contains("x-access-token"), "the first host is asked in earnest");
    }
    assert_eq!(second.lines(), 0);
    subject.converges().await;
}
