//! Certificates: right ones, and those that one should not trust.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority of the test's own, as a company's proxy has one.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a server shows, and the key to it.
pub(crate) struct Shown {
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Shown {
    /// Where a PostgreSQL looks for its own, by default.
    pub(crate) fn give_to_postgres(&self, data: &Path) {
        let owner = fs::metadata(data).expect("the data are there");
        for (name, content) in
            [("server.crt", self.certificate.pem()), ("server.key", self.key.serialize_pem())]
        {
            let file = data.join(name);
            fs::write(&file, content).expect("it can be written");
            // It refuses a key that others may read.
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
            chown(&file, Some(owner.uid()), Some(owner.gid())).expect("it is ours to give");
        }
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("The test's own authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, key()).expect("an authority can be made"))
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// The certificate of a server at this name or address.
    pub(crate) fn certify(&self, host: &str) -> Shown {
        self.sign(&naming(host))
    }

    fn sign(&self, params: &CertificateParams) -> Shown {
        let key = key();
        Shown { certificate: params.signed_by(&key, &self.0).expect("it can be signed"), key }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

fn naming(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).expect("a name or an address")
}

fn valid(host: &str, from: i32, to: i32) -> CertificateParams {
    let mut params = naming(host);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params
}

/// What is wrong with a certificate that one should not trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Expired,
    NotYetValid,
    OfAnotherHost,
    SelfSigned,
    /// Somebody who calls himself by the authority's name has signed it.
    Forged,
    OfAStranger,
}

impl Flaw {
    /// The certificate of a server at `host`, for somebody who trusts `authority`.
    pub(crate) fn show(self, authority: &Authority, host: &str) -> Shown {
        match self {
            Self::Expired => authority.sign(&valid(host, 2015, 2020)),
            Self::NotYetValid => authority.sign(&valid(host, 2090, 2099)),
            Self::OfAnotherHost => authority.certify("another-host.example"),
            Self::SelfSigned => {
                let key = key();
                Shown { certificate: naming(host).self_signed(&key).expect("it can be signed"), key }
            }
            Self::Forged => Authority::new().certify(host),
            Self::OfAStranger => Authority::named("A stranger").certify(host),
        }
    }
}
