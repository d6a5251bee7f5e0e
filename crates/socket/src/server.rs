//! TLS towards children and browsers: who connects is answered with our certificate.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ServerConfig, ServerConnection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::Socket;
use crate::failure::{FileError, TlsError};
use crate::pem;
use crate::session::{Session, Side};

/// Whether this program can take TLS connections.
pub const IS_BUILT: bool = true;
/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Handshakes at once; each may keep 64 KiB until it is done. More wait for their turn.
const HANDSHAKES_MAX: usize = 128;

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

/// What is read from the files.
#[derive(Debug)]
pub struct Identity(Arc<ServerConfig>);

impl Identity {
    /// Reads the files and checks that they belong together.
    ///
    /// # Errors
    /// For the first that cannot be used, by name.
    pub fn load(files: &Files) -> Result<Self, FileError> {
        let provider = Arc::new(ring::default_provider());
        let (chain, key) = pem::pair(&files.certificate, &files.key)?;
        let unfit = |err: rustls::Error| pem::unfit(&files.key, &files.certificate, &err);
        let builder = pem::versions(ServerConfig::builder_with_provider(Arc::clone(&provider))).map_err(unfit)?;
        let builder = match &files.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                // Browsers have none: who may stream without one is decided where the stream is known.
                let (roots, _) = pem::authorities(path)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = verifier.allow_unauthenticated().build();
                builder.with_client_cert_verifier(verifier.map_err(|err| pem::wrong(path, err.to_string()))?)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(unfit)?;
        // Streams last for days: what resumption would keep is not worth its memory.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self(Arc::new(config)))
    }
}

/// Takes TLS connections with an identity that may be exchanged meanwhile.
#[derive(Debug)]
pub struct Acceptor {
    identity: RwLock<Arc<ServerConfig>>,
    places: Semaphore,
}

impl Acceptor {
    /// An acceptor with this identity.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity: RwLock::new(identity.0), places: Semaphore::new(HANDSHAKES_MAX) }
    }

    /// Uses another identity from now on; connections that stand keep theirs.
    pub fn exchange(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = identity.0;
    }

    /// Shakes hands on a plain connection that began with `head`.
    ///
    /// # Errors
    /// Where there is no agreement, or not in time.
    pub async fn accept(&self, socket: Socket, head: &[u8]) -> Result<Socket, TlsError> {
        socket.prepare(None)?;
        let _place = self.places.acquire().await.map_err(|_| TlsError::Closed)?;
        let identity = Arc::clone(&self.identity.read().unwrap_or_else(PoisonError::into_inner));
        let mut session = Box::new(Session::new(Side::Server(ServerConnection::new(identity)?)));
        match timeout(HANDSHAKE_WITHIN, session.shake_hands(&socket.carrier, head)).await {
            Ok(shaken) => shaken?,
            Err(_) => return Err(TlsError::Slow(HANDSHAKE_WITHIN.as_secs())),
        }
        Ok(Socket { carrier: socket.carrier, tls: Some(session) })
    }
}
