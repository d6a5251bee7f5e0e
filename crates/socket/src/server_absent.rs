//! What stands in for TLS towards children where it is not built: it says so.

use std::path::PathBuf;

use crate::Socket;
use crate::failure::{FileError, TlsError};

/// Whether this program can take TLS connections.
pub const IS_BUILT: bool = false;

/// Files of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Our certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities of clients' certificates; none are asked for where it is `None`.
    pub client_ca: Option<PathBuf>,
}

/// There is none.
#[derive(Debug)]
pub enum Identity {}

impl Identity {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn load(files: &Files) -> Result<Self, FileError> {
        Err(FileError { path: files.certificate.clone(), what: TlsError::NotBuilt.to_string() })
    }
}

/// There is none.
#[derive(Debug)]
pub struct Acceptor(Identity);

impl Acceptor {
    /// An acceptor with this identity, which cannot be.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self(identity)
    }

    /// Cannot be called.
    pub fn exchange(&self, identity: Identity) {
        match identity {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// Never, since it cannot be called.
    pub async fn accept(&self, _socket: Socket, _head: &[u8]) -> Result<Socket, TlsError> {
        match self.0 {}
    }
}
