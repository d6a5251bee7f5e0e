//! A TLS session over a carrier that is never waited for: bytes in, bytes out, as far as they go.
//!
//! rustls keeps what it must on the heap: about 4 KiB to read into, and what a slow peer has not
//! taken yet, 64 KiB at most. Records that came whole are decrypted into the caller's buffer; what
//! does not fit waits here.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

use rustls::{CommonState, IoState};

use crate::failure::TlsError;
use crate::stream::Carrier;

/// One side of a TLS connection.
pub(crate) struct Session {
    side: Side,
    /// Decrypted bytes that nobody has read yet.
    waiting: usize,
    /// What went wrong after bytes that were still to be delivered.
    failed: Option<rustls::Error>,
}

pub(crate) enum Side {
    #[cfg(feature = "tls-client")]
    Client(rustls::ClientConnection),
    #[cfg(feature = "tls-server")]
    Server(rustls::ServerConnection),
}

/// Calls the same on whichever side it is.
macro_rules! either {
    ($side:expr, $connection:ident => $what:expr) => {
        match $side {
            #[cfg(feature = "tls-client")]
            Side::Client($connection) => $what,
            #[cfg(feature = "tls-server")]
            Side::Server($connection) => $what,
        }
    };
}

impl Session {
    pub(crate) fn new(side: Side) -> Self {
        Self { side, waiting: 0, failed: None }
    }

    /// Whether decrypted bytes, or the news of a failure, can be read without the carrier.
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting > 0 || self.failed.is_some()
    }

    pub(crate) fn has_unsent(&self) -> bool {
        either!(&self.side, connection => connection.wants_write())
    }

    pub(crate) fn is_certified(&self) -> bool {
        self.state().peer_certificates().is_some()
    }

    pub(crate) fn say_goodbye(&mut self) {
        either!(&mut self.side, connection => connection.send_close_notify());
    }

    /// Fills `into` with what is there.
    pub(crate) fn try_read(&mut self, mut carrier: &Carrier, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            if let Some(failed) = self.failed.take() {
                return Err(TlsError::from(failed).into());
            }
            filled += self.take_waiting(&mut into[filled..])?;
            if filled == into.len() {
                return Ok(filled);
            }
            match either!(&mut self.side, connection => connection.read_tls(&mut carrier)) {
                // A peer may leave without a word: a stream has no end that could be cut off.
                Ok(0) => return Ok(filled),
                Ok(_) => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock && filled > 0 => return Ok(filled),
                Err(err) => return Err(err),
            }
            if let Err(err) = self.process(carrier) {
                self.failed = Some(err);
                if filled > 0 {
                    return Ok(filled);
                }
            }
        }
    }

    fn take_waiting(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while self.waiting > 0 && filled < into.len() {
            let count = either!(&mut self.side, connection => connection.reader().read(&mut into[filled..]))?;
            self.waiting = self.waiting.saturating_sub(count);
            filled += count;
        }
        Ok(filled)
    }

    /// Takes in what was read; answers of the protocol leave as far as they can.
    fn process(&mut self, carrier: &Carrier) -> Result<(), rustls::Error> {
        let state: Result<IoState, _> = either!(&mut self.side, connection => connection.process_new_packets());
        let sent = self.try_flush(carrier);
        self.waiting = state?.plaintext_bytes_to_read();
        sent.map(drop).map_err(|err| rustls::Error::General(err.to_string()))
    }

    pub(crate) fn try_write(&mut self, carrier: &Carrier, bytes: &[u8]) -> io::Result<usize> {
        if !self.try_flush(carrier)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = either!(&mut self.side, connection => connection.writer().write(bytes))?;
        self.try_flush(carrier)?;
        Ok(count)
    }

    /// Passes on what is encrypted; whether all of it left.
    pub(crate) fn try_flush(&mut self, mut carrier: &Carrier) -> io::Result<bool> {
        while self.has_unsent() {
            match either!(&mut self.side, connection => connection.write_tls(&mut carrier)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(err) => return Err(err),
            }
        }
        Ok(true)
    }

    /// Shakes hands; `head` was already read. Sets no limit of time.
    pub(crate) async fn shake_hands(&mut self, carrier: &Carrier, mut head: &[u8]) -> Result<(), TlsError> {
        loop {
            while !self.try_flush(carrier)? {
                wait(carrier, false).await?;
            }
            if !either!(&self.side, connection => connection.is_handshaking()) {
                return Ok(());
            }
            let read = match either!(&mut self.side, connection => connection.read_tls(&mut head)) {
                Ok(0) => either!(&mut self.side, connection => connection.read_tls(&mut &*carrier)),
                read => read,
            };
            match read {
                Ok(0) => return Err(TlsError::Closed),
                Ok(_) => self.process(carrier)?,
                Err(err) if err.kind() == ErrorKind::WouldBlock => wait(carrier, true).await?,
                Err(err) => return Err(err.into()),
            }
        }
    }

    fn state(&self) -> &CommonState {
        either!(&self.side, connection => connection)
    }
}

async fn wait(carrier: &Carrier, to_read: bool) -> io::Result<()> {
    match (carrier, to_read) {
        (Carrier::Tcp(stream), true) => stream.readable().await,
        (Carrier::Tcp(stream), false) => stream.writable().await,
        (Carrier::Unix(stream), true) => stream.readable().await,
        (Carrier::Unix(stream), false) => stream.writable().await,
    }
}

/// Version and cipher.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = match self.state().protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
            _ => "of unknown version",
        };
        let suite = self.state().negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
        let cipher = suite.as_deref().unwrap_or("no cipher");
        let cipher = cipher.trim_start_matches("TLS13_").trim_start_matches("TLS_");
        write!(f, "TLS {version} with {cipher}")
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.to_string()).finish()
    }
}
