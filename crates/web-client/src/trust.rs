//! Which authorities vouch for servers: those of a file, or the system's.
//!
//! A client keeps them as long as it lives, and those of a system take more than a megabyte: who asks seldom
//! drops it in between.

use std::path::{Path, PathBuf};

/// Whether this program can encrypt at all.
pub const IS_BUILT: bool = cfg!(feature = "tls");

/// Where authorities are read from.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Empty: the system's.
    pub ca_file: PathBuf,
}

#[cfg(feature = "tls")]
mod built {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::{Path, Trust};

    impl Trust {
        /// The certificates of the authorities.
        ///
        /// # Errors
        /// In words.
        pub fn read(&self) -> Result<Vec<CertificateDer<'static>>, String> {
            if self.ca_file.as_os_str().is_empty() {
                let found = rustls_native_certs::load_native_certs();
                return if found.certs.is_empty() {
                    Err("this system has no certificates of authorities: name a file of them".into())
                } else {
                    Ok(found.certs)
                };
            }
            let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", self.ca_file.display());
            let certificates = CertificateDer::pem_file_iter(&self.ca_file).map_err(|err| wrong(&shown(&err)))?;
            let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|err| wrong(&shown(&err)))?;
            if certificates.is_empty() {
                return Err(wrong(&"there is no certificate (PEM) in it"));
            }
            Ok(certificates)
        }
    }

    fn shown(error: &rustls::pki_types::pem::Error) -> String {
        match error {
            rustls::pki_types::pem::Error::Io(err) => err.to_string(),
            _ => "this is not PEM".into(),
        }
    }

    impl Trust {
        /// Reads a file once, to tell early what is wrong with it.
        ///
        /// # Errors
        /// In words.
        pub fn check(&self) -> Result<(), String> {
            if self.ca_file == Path::new("") { Ok(()) } else { self.read().map(drop) }
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Trust {
    /// There is nothing to read.
    ///
    /// # Errors
    /// Where a file is named.
    pub fn check(&self) -> Result<(), String> {
        if self.ca_file == Path::new("") { Ok(()) } else { Err("this program was built without TLS".into()) }
    }
}
