//! Real TLS servers that show certificates one should not trust, and one that shows the right one.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::subject::{Expected, Subject};
use super::upstream::{Act, Upstream, list, ok};
use crate::cli::lab::{Lab as CommandLab, months_ago, report};

/// A certificate authority of the test's own, as a company's proxy has one.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("The test's own authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, key()).expect("an authority can be made"))
    }

    pub(super) fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A server with a certificate that this authority has signed.
    pub(super) fn server(&self, params: &CertificateParams) -> ServerConfig {
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("it can be signed");
        server(certificate, &key)
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

fn server(certificate: rcgen::Certificate, key: &KeyPair) -> ServerConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.into()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .expect("key and certificate belong together")
}

/// What a certificate of this host says.
pub(super) fn right() -> CertificateParams {
    CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address")
}

fn valid(from: i32, to: i32) -> CertificateParams {
    let mut params = right();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params
}

#[tokio::test]
async fn a_certificate_not_to_be_trusted_ends_the_poll_at_once_and_says_what_to_do() {
    let mut subject = Subject::new().await;
    let (authority, stranger) = (Authority::new(), Authority::named("A stranger"));
    let other = CertificateParams::new(["lmp.example".to_owned()]).unwrap();
    let own_key = key();
    let self_signed = right().self_signed(&own_key).unwrap();
    let faults = [
        ("expired", authority.server(&valid(2015, 2020)), ["expired", "clock (NTP)"]),
        ("not yet valid", authority.server(&valid(2090, 2099)), ["not valid yet", "clock (NTP)"]),
        ("another host's", authority.server(&other), ["not valid for name", "base_url"]),
        ("self-signed", server(self_signed, &own_key), ["UnknownIssuer", "sync.ca_file"]),
        ("a forger's", Authority::new().server(&right()), ["BadSignature", "sync.ca_file"]),
        ("a stranger's", stranger.server(&right()), ["UnknownIssuer", "sync.ca_file"]),
    ];
    for (fault, tls, [problem, advice]) in faults {
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
    let upstream = Upstream::tls(Authority::new().server(&right()), vec![]).await;
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
    let upstream = Upstream::tls(authority.server(&right()), vec![Act::Send(ok(&body))]).await;
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
