//! Certificates and keys, made for one test in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// A folder of certificates; gone when dropped.
#[derive(Debug)]
pub struct Certificates(TempDir);

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The file of the certificate.
    pub certificate: PathBuf,
    /// The file of the key.
    pub key: PathBuf,
}

impl Pair {
    /// The path of the certificate, for settings.
    pub fn certificate(&self) -> &str {
        text(&self.certificate)
    }

    /// The path of the key, for settings.
    pub fn key(&self) -> &str {
        text(&self.key)
    }
}

impl Certificates {
    /// An empty folder.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("tributary-tls-").tempdir().expect("a temporary folder"))
    }

    /// The recipe of the documentation: a certificate that is its own authority, for these names.
    ///
    /// # Panics
    /// When openssl is missing or refuses.
    pub fn by_openssl(&self, name: &str, names: &str) -> Pair {
        let pair = self.pair(name);
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", &format!("/CN={name}")])
            .args(["-addext", &format!("subjectAltName={names}"), "-keyout", pair.key(), "-out", pair.certificate()])
            .output()
            .expect("openssl of the package openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        pair
    }

    /// An authority.
    pub fn authority(&self, name: &str) -> Pair {
        let (mut params, key) = (params(name, &[]), new_key());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("parameters of ours");
        self.write(name, &certificate.pem(), &key)
    }

    /// A certificate for these names that the authority vouches for.
    pub fn of(&self, authority: &Pair, name: &str, names: &[&str]) -> Pair {
        self.signed(authority, name, params(name, names))
    }

    /// The same, but it expired in 2002.
    pub fn expired(&self, authority: &Pair, name: &str, names: &[&str]) -> Pair {
        let mut params = params(name, names);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.signed(authority, name, params)
    }

    fn signed(&self, authority: &Pair, name: &str, params: CertificateParams) -> Pair {
        let above = authority.certificate.file_stem().and_then(|stem| stem.to_str()).expect("a name of ours");
        let key = fs::read_to_string(&authority.key).expect("a file of ours");
        let issuer = Issuer::new(self::params(above, &[]), KeyPair::from_pem(&key).expect("a key of ours"));
        let key = new_key();
        let certificate = params.signed_by(&key, &issuer).expect("parameters of ours");
        self.write(name, &certificate.pem(), &key)
    }

    fn write(&self, name: &str, certificate: &str, key: &KeyPair) -> Pair {
        let pair = self.pair(name);
        fs::write(&pair.certificate, certificate).expect("a small file");
        fs::write(&pair.key, key.serialize_pem()).expect("a small file");
        pair
    }

    fn pair(&self, name: &str) -> Pair {
        let file = |ending: &str| self.0.path().join(format!("{name}.{ending}"));
        Pair { certificate: file("pem"), key: file("key") }
    }
}

fn params(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names of ours");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system gives random numbers")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
