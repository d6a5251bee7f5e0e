//! TLS towards parents: whom to trust, and the handshake.
//!
//! A parent is trusted if an authority of `ca_file` (or, without one, of the system) vouches for
//! its certificate, or if that very certificate stands in `ca_file`. The latter is what
//! `openssl req -x509` makes: a certificate that is its own authority. rustls' verifier refuses it
//! as a server's, because it is marked as an authority's; it does so after it has looked at the
//! dates, so that what is left to check is the name.
//!
//! Authorities are read when connecting and dropped after the handshake: those of a system take
//! more than a megabyte while they are parsed. Senders that connect at the same time share them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tracing::warn;

use crate::Socket;
use crate::failure::{FileError, TlsError};
use crate::pem;
use crate::session::{Session, Side};

/// Whether this program can connect with TLS.
pub const IS_BUILT: bool = true;

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

/// Encrypts connections to parents.
#[derive(Debug)]
pub struct Connector {
    settings: Settings,
    provider: Arc<CryptoProvider>,
    /// What others are just connecting with.
    trust: Mutex<Weak<Trust>>,
}

/// Whose certificates are taken.
#[derive(Debug)]
struct Trust {
    standard: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl Default for Connector {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Connector {
    /// Encrypts with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, provider: Arc::new(ring::default_provider()), trust: Mutex::default() }
    }

    /// Reads all files once, to tell early what is wrong with them.
    ///
    /// # Errors
    /// For the first that cannot be used, by name.
    pub fn check(&self) -> Result<(), FileError> {
        self.config().map(drop)
    }

    /// Shakes hands over a plain connection with a parent that is called `host`. Sets no limit of time.
    ///
    /// # Errors
    /// Where the parent is not to be trusted, or there is no agreement.
    pub async fn connect(&self, socket: Socket, host: &str) -> Result<Socket, TlsError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.into()))?;
        let config = Arc::new(self.config()?);
        let mut session = Box::new(Session::new(Side::Client(ClientConnection::new(config, name)?)));
        session.shake_hands(&socket.carrier, &[]).await?;
        Ok(Socket { carrier: socket.carrier, tls: Some(session) })
    }

    fn config(&self) -> Result<ClientConfig, FileError> {
        let verifier = Verifier { trust: Mutex::new(self.trust()?), provider: Arc::clone(&self.provider) };
        let builder = pem::versions(ClientConfig::builder_with_provider(Arc::clone(&self.provider)));
        let builder = builder.expect("ring has suites for both versions");
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.settings.certificate {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let (chain, private) = pem::pair(certificate, key)?;
                builder.with_client_auth_cert(chain, private).map_err(|err| pem::unfit(key, certificate, &err))?
            }
        };
        // A stream connects once and lasts: there is nothing to resume.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// Reads the authorities, unless another sender has just done so.
    fn trust(&self) -> Result<Trusted, FileError> {
        static UNCHECKED: Once = Once::new();
        if !self.settings.verify {
            UNCHECKED.call_once(|| {
                warn!("STREAM: TLS: stream.tls_verify = false: certificates of parents are not checked");
            });
            return Ok(Trusted::Anybody);
        }
        let mut shared = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trust) = shared.upgrade() {
            return Ok(Trusted::These(trust));
        }
        let trust = Arc::new(Trust::read(&self.settings.ca_file, &self.provider)?);
        *shared = Arc::downgrade(&trust);
        Ok(Trusted::These(trust))
    }
}

impl Trust {
    fn read(ca_file: &Path, provider: &Arc<CryptoProvider>) -> Result<Self, FileError> {
        let (roots, pinned) =
            if ca_file.as_os_str().is_empty() { (of_system(), Vec::new()) } else { pem::authorities(ca_file)? };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        let standard = verifier.map_err(|_| {
            pem::wrong(
                Path::new("stream.ca_file"),
                "this system has no certificates of authorities: name a file of them",
            )
        })?;
        Ok(Self { standard, pinned })
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.standard.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(err) if is_own_authority(&err) && self.pinned.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }
}

/// The authorities that the system trusts; those that cannot be read are left out.
fn of_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Whether all that is wrong so far is that the certificate is marked as an authority's.
fn is_own_authority(err: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = err else { return false };
    other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// Who is trusted for one handshake.
#[derive(Debug)]
enum Trusted {
    Anybody,
    These(Arc<Trust>),
    /// The handshake is over; there is no second one.
    Forgotten,
}

/// Verifies the certificate of one handshake, then lets go of the authorities: the connection
/// keeps its verifier as long as it lasts.
#[derive(Debug)]
struct Verifier {
    trust: Mutex<Trusted>,
    provider: Arc<CryptoProvider>,
}

/// The last one who needs the authorities gives their memory back: of those of a system 0.6 MB stayed.
fn let_go(trust: Arc<Trust>) {
    if let Some(trust) = Arc::into_inner(trust) {
        drop(trust);
        // Where there is no thread to be had, the memory is used again, if not by others.
        heap::give_back_aside().ok();
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut trust = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *trust, Trusted::Forgotten) {
            Trusted::Anybody => Ok(ServerCertVerified::assertion()),
            Trusted::These(trust) => {
                let verified = trust.verify(end_entity, intermediates, name, ocsp, now);
                let_go(trust);
                verified
            }
            Trusted::Forgotten => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
