//! Files of certificates and keys (PEM). Errors name the file and what is wrong with it, never
//! what is in it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ConfigBuilder, ConfigSide, RootCertStore, WantsVerifier, WantsVersions};

use crate::failure::FileError;

/// A file of all authorities of a system has a quarter of this.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The certificates of a file, one at least.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let text = read(path)?;
    let found: Result<Vec<_>, Error> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|err| wrong(path, malformed(&err)))?;
    if found.is_empty() {
        return Err(wrong(path, "no certificate (-----BEGIN CERTIFICATE-----) is in it"));
    }
    Ok(found)
}

/// The private key of a file.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|err| {
        let is_encrypted = text.windows(9).any(|part| part == b"ENCRYPTED");
        match err {
            Error::NoItemsFound if is_encrypted => wrong(path, "the key is encrypted: store it without a passphrase"),
            Error::NoItemsFound => wrong(path, "no private key (-----BEGIN PRIVATE KEY-----) is in it"),
            err => wrong(path, malformed(&err)),
        }
    })
}

/// The authorities of a file, with the certificates as they stand there.
pub(crate) fn authorities(path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), FileError> {
    let found = certificates(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in &found {
        roots.add(certificate.clone()).map_err(|err| wrong(path, format!("a certificate cannot be used: {err}")))?;
    }
    Ok((roots, found))
}

/// Certificates and the key that belongs to them.
pub(crate) fn pair(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), FileError> {
    Ok((certificates(certificate)?, private_key(key)?))
}

/// What rustls says of a pair that it does not take.
pub(crate) fn unfit(key: &Path, certificate: &Path, err: &rustls::Error) -> FileError {
    match err {
        rustls::Error::InconsistentKeys(_) => {
            wrong(key, format!("the key does not belong to the certificate in {}", certificate.display()))
        }
        err => wrong(key, format!("cannot be used with the certificate in {}: {err}", certificate.display())),
    }
}

/// TLS 1.3 and 1.2; 1.2 for children on old systems.
pub(crate) fn versions<S: ConfigSide>(
    builder: ConfigBuilder<S, WantsVersions>,
) -> Result<ConfigBuilder<S, WantsVerifier>, rustls::Error> {
    builder.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
}

pub(crate) fn wrong(path: &Path, what: impl Into<String>) -> FileError {
    FileError { path: path.into(), what: what.into() }
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|err| wrong(path, err.to_string()))?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(|err| wrong(path, err.to_string()))?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(wrong(path, format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// What is wrong, without the bytes themselves.
fn malformed(err: &Error) -> &'static str {
    match err {
        Error::MissingSectionEnd { .. } => "a PEM section does not end",
        Error::IllegalSectionStart { .. } => "the first line of a PEM section is malformed",
        Error::Base64Decode(_) => "a PEM section is not base64",
        _ => "it is no PEM file",
    }
}
