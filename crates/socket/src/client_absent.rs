//! What stands in for TLS towards parents where it is not built: it says so.

use std::path::PathBuf;

use crate::Socket;
use crate::failure::{FileError, TlsError};

/// Whether this program can connect with TLS.
pub const IS_BUILT: bool = false;

/// Settings of TLS towards parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Authorities and pinned certificates; empty: the system's authorities.
    pub ca_file: PathBuf,
    /// Whether the parent's certificate is checked at all.
    pub verify: bool,
    /// The certificate that is shown to a parent which asks for one, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl Default for Settings {
    /// The authorities of the system are trusted, nobody else.
    fn default() -> Self {
        Self { ca_file: PathBuf::new(), verify: true, certificate: None }
    }
}

/// Encrypts connections to parents: not in this build.
#[derive(Debug)]
pub struct Connector(());

impl Default for Connector {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Connector {
    /// What would encrypt with these settings.
    #[must_use]
    pub fn new(_settings: Settings) -> Self {
        Self(())
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn check(&self) -> Result<(), FileError> {
        Err(FileError { path: "stream.destination".into(), what: TlsError::NotBuilt.to_string() })
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub async fn connect(&self, _socket: Socket, _host: &str) -> Result<Socket, TlsError> {
        Err(TlsError::NotBuilt)
    }
}
