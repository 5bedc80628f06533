//! Real TLS servers that show certificates one should not trust, and one that shows the right one.

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::subject::{Expected, Subject};
use super::upstream::{Act, Upstream, list, ok};
use crate::cli::lab::{CommandLab, months_ago, report};
use crate::support::authority::{Authority, Flaw, Shown};

/// Where the servers are.
pub(super) const HERE: &str = "127.0.0.1";

/// A server that shows a certificate.
pub(super) fn server(shown: &Shown) -> ServerConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(
            vec![shown.certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(shown.key.serialize_der())),
        )
        .expect("key and certificate belong together")
}

#[tokio::test]
async fn a_certificate_not_to_be_trusted_ends_the_poll_at_once_and_says_what_to_do() {
    let mut subject = Subject::new().await;
    let authority = Authority::new();
    for (flaw, [problem, advice]) in [
        (Flaw::Expired, ["expired", "clock (NTP)"]),
        (Flaw::NotYetValid, ["not valid yet", "clock (NTP)"]),
        (Flaw::OfAnotherHost, ["not valid for name", "base_url"]),
        (Flaw::SelfSigned, ["UnknownIssuer", "sync.ca_file"]),
        (Flaw::Forged, ["BadSignature", "sync.ca_file"]),
        (Flaw::OfAStranger, ["UnknownIssuer", "sync.ca_file"]),
    ] {
        let fault = &format!("{flaw:?}");
        let tls = server(&flaw.show(&authority, HERE));
        let good = ok(&list(&subject.stored()[..3]));
        let upstream = Upstream::tls(tls, vec![Act::Send(good)]).await;
        subject.ask(&upstream, |options| {
            options.ca_pem = Some(authority.pem());
            options.max_attempts = 5;
        });
        let words = ["certificate of LMP's server is not trusted", problem, advice];
        subject.fails(fault, Expected { status: None, attempts: 1, words: &words }).await;
        assert_eq!((upstream.lines(), upstream.asked().len()), (1, 0), "{fault}: nothing is sent, once");
    }
    subject.converges().await;
}

#[tokio::test]
async fn without_ca_file_a_companys_own_authority_is_not_trusted() {
    let mut subject = Subject::new().await;
    let upstream = Upstream::tls(server(&Authority::new().certify(HERE)), vec![]).await;
    subject.ask(&upstream, |options| options.max_attempts = 5);
    let expected = Expected { status: None, attempts: 1, words: &["not trusted", "sync.ca_file"] };
    subject.fails("an unknown authority", expected).await;
    subject.converges().await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_gets_nothing_in_clear_text() {
    let mut subject = Subject::new().await;
    let upstream = Upstream::always(vec![Act::Hang]).await;
    let tls = upstream.base_url().replace("http:", "https:");
    subject.ask_at(&tls, |options| options.request_timeout = std::time::Duration::from_secs(2));
    let expected = Expected { status: None, attempts: 1, words: &["no connection to LMP", "base_url"] };
    subject.fails("no TLS", expected).await;
    assert_eq!(upstream.asked().len(), 0);
    subject.converges().await;
}

/// The real program, with the setting a person would use.
#[tokio::test]
async fn with_the_authority_in_ca_file_the_reports_come_in() {
    let lab = CommandLab::new().await;
    let authority = Authority::new();
    let cycle = months_ago(1);
    let body = list(&[report(1, "Acme", cycle, "Approved"), report(2, "Bolt", cycle, "Completed")]);
    let upstream = Upstream::tls(server(&authority.certify(HERE)), vec![Act::Send(ok(&body))]).await;
    let command = || {
        lab.call(&["sync", "--cycle", &cycle.to_string()]).set("accounts.emea.base_url", &upstream.base_url())
    };
    let ended = command().ends_with(1).await;
    ended.says(&["certificate of LMP's server is not trusted", "name its CA in sync.ca_file"]);
    assert_eq!(lab.count("select count(*) from lmp_billing.reports").await, 0);

    std::fs::write(lab.folder().join("proxy-ca.pem"), authority.pem()).unwrap();
    command().set("sync.ca_file", "proxy-ca.pem").ends_with(0).await.says(&["2 new"]);
    assert_eq!(
        lab.texts("select partner_company_name || ' ' || status from lmp_billing.reports order by 1").await,
        ["Acme Approved", "Bolt Completed"]
    );
}
