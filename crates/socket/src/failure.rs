//! Why there is no TLS, in words for whoever reads the log. No key and no secret is in them.

use std::io;
use std::path::PathBuf;

/// Why a connection could not be encrypted, or ended.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The other side left in the middle of the handshake.
    #[error("the other side closed the connection during the TLS handshake")]
    Closed,
    /// The handshake took too long, in seconds.
    #[error("no TLS handshake within {0} s")]
    Slow(u64),
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A file of the settings cannot be used.
    #[error("{0}")]
    File(#[from] FileError),
    /// The host of a destination is no name that a certificate could have.
    #[error("TLS: \"{0}\" is no name that a certificate could have")]
    Name(String),
    /// This program was built without TLS.
    #[error("this program was built without TLS")]
    NotBuilt,
    /// The protocol ended it.
    #[cfg(feature = "tls")]
    #[error("TLS: {}", words(.0))]
    Protocol(#[from] rustls::Error),
}

/// Why a file of certificates or keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl From<TlsError> for io::Error {
    fn from(err: TlsError) -> Self {
        match err {
            TlsError::Io(err) => err,
            err => Self::new(io::ErrorKind::InvalidData, err),
        }
    }
}

/// What rustls found, as an operator would say it.
#[cfg(feature = "tls")]
fn words(err: &rustls::Error) -> String {
    use rustls::{Error, InvalidMessage};
    match err {
        Error::InvalidCertificate(err) => format!("certificate {}", certificate_words(err)),
        Error::AlertReceived(alert) => alert_words(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            "the other side does not speak TLS here".into()
        }
        Error::NoCertificatesPresented => "the other side showed no certificate".into(),
        err => err.to_string(),
    }
}

#[cfg(feature = "tls")]
fn certificate_words(err: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Wrong;
    match err {
        Wrong::Expired => "expired".into(),
        Wrong::ExpiredContext { time, not_after } => {
            format!("expired {} ago", span(time.as_secs().saturating_sub(not_after.as_secs())))
        }
        Wrong::NotValidYet => "is not valid yet".into(),
        Wrong::NotValidYetContext { time, not_before } => {
            format!("is not valid yet, but in {}", span(not_before.as_secs().saturating_sub(time.as_secs())))
        }
        Wrong::UnknownIssuer => "of an unknown authority".into(),
        Wrong::NotValidForName => "is for another name".into(),
        Wrong::NotValidForNameContext { expected, presented } => {
            let of = if presented.is_empty() {
                "no name at all (it has no subjectAltName)".into()
            } else {
                presented.join(", ")
            };
            format!("has the wrong name: expected {}, it is for {of}", expected.to_str())
        }
        Wrong::Revoked => "was revoked".into(),
        Wrong::Other(_) if err.to_string().contains("CaUsedAsEndEntity") => {
            "is that of an authority; it is accepted only where it stands itself in the file of authorities".into()
        }
        err => format!("cannot be used: {err}"),
    }
}

/// What the other side said before it left.
#[cfg(feature = "tls")]
fn alert_words(alert: rustls::AlertDescription) -> String {
    use rustls::AlertDescription as Alert;
    let why = match alert {
        Alert::UnknownCA => "it does not know the authority of our certificate",
        Alert::CertificateExpired => "our certificate expired, it says",
        Alert::BadCertificate => "our certificate is not right, it says",
        Alert::CertificateUnknown => "it cannot use our certificate",
        Alert::CertificateRequired => "it wants a certificate of ours",
        Alert::HandshakeFailure => "it speaks no TLS here, or none that both know",
        Alert::ProtocolVersion => "no common version",
        alert => return format!("the other side refuses ({alert:?})"),
    };
    format!("the other side refuses: {why} ({alert:?})")
}

#[cfg(feature = "tls")]
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
