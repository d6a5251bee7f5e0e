//! The connection itself: waiting, trying, and the asynchronous reader and writer over both.

use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

#[cfg(feature = "tls")]
use crate::session::Session;

/// A connection: TCP or a unix socket, plain or with TLS.
#[derive(Debug)]
pub struct Socket {
    pub(crate) carrier: Carrier,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Box<Session>>,
}

/// What carries the bytes.
#[derive(Debug)]
pub(crate) enum Carrier {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection that belongs to no runtime, on its way from one thread to another.
#[derive(Debug)]
pub struct Parked {
    carrier: ParkedCarrier,
    #[cfg(feature = "tls")]
    tls: Option<Box<Session>>,
}

#[derive(Debug)]
enum ParkedCarrier {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::plain(Carrier::Tcp(stream))
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self::plain(Carrier::Unix(stream))
    }
}

impl Socket {
    fn plain(carrier: Carrier) -> Self {
        Self {
            carrier,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Version and cipher, as `TLS 1.3 with AES_256_GCM_SHA384`; `None` without TLS.
    #[must_use]
    pub fn tls(&self) -> Option<String> {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().map(|session| session.to_string());
        #[cfg(not(feature = "tls"))]
        None
    }

    /// Whether the other side has shown a certificate, which was checked.
    #[must_use]
    pub fn is_certified(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().is_some_and(|session| session.is_certified());
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Whether it is a unix socket of this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self.carrier, Carrier::Unix(_))
    }

    /// Sends what is written at once, and lets TCP ask a silent peer after `keep_alive` whether it
    /// is still there.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn prepare(&self, keep_alive: Option<Duration>) -> io::Result<()> {
        let Carrier::Tcp(stream) = &self.carrier else { return Ok(()) };
        stream.set_nodelay(true)?;
        match keep_alive {
            None => Ok(()),
            Some(time) => SockRef::from(stream).set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(time)),
        }
    }

    /// Waits until there may be something to read.
    ///
    /// # Errors
    /// Where the runtime ends.
    pub async fn readable(&self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if self.tls.as_ref().is_some_and(|session| session.has_waiting()) {
            return Ok(());
        }
        match &self.carrier {
            Carrier::Tcp(stream) => stream.readable().await,
            Carrier::Unix(stream) => stream.readable().await,
        }
    }

    /// Waits until something may be written.
    ///
    /// # Errors
    /// Where the runtime ends.
    pub async fn writable(&self) -> io::Result<()> {
        match &self.carrier {
            Carrier::Tcp(stream) => stream.writable().await,
            Carrier::Unix(stream) => stream.writable().await,
        }
    }

    /// Reads what is there; 0 means that nothing comes any more.
    ///
    /// # Errors
    /// `WouldBlock` where nothing is there; any other ends the connection.
    pub fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.tls {
            return session.try_read(&self.carrier, into);
        }
        self.carrier.try_read(into)
    }

    /// Writes what fits. With TLS it may still lie here encrypted: [`Socket::has_unsent`].
    ///
    /// # Errors
    /// `WouldBlock` where nothing fits; any other ends the connection.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.tls {
            return session.try_write(&self.carrier, bytes);
        }
        self.carrier.try_write(bytes)
    }

    /// Whether something that was written waits here for the system to take it.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().is_some_and(|session| session.has_unsent());
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Passes on what waits here; whether nothing is left.
    ///
    /// # Errors
    /// Any ends the connection.
    pub fn try_flush(&mut self) -> io::Result<bool> {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.tls {
            return session.try_flush(&self.carrier);
        }
        Ok(true)
    }

    /// Takes the connection out of its runtime.
    ///
    /// # Errors
    /// Where the runtime does not let it go.
    pub fn park(self) -> io::Result<Parked> {
        let carrier = match self.carrier {
            Carrier::Tcp(stream) => ParkedCarrier::Tcp(stream.into_std()?),
            Carrier::Unix(stream) => ParkedCarrier::Unix(stream.into_std()?),
        };
        Ok(Parked {
            carrier,
            #[cfg(feature = "tls")]
            tls: self.tls,
        })
    }
}

impl Parked {
    /// Takes the connection into the runtime of this thread.
    ///
    /// # Errors
    /// Where the runtime does not take it.
    pub fn unpark(self) -> io::Result<Socket> {
        let carrier = match self.carrier {
            ParkedCarrier::Tcp(stream) => Carrier::Tcp(TcpStream::from_std(stream)?),
            ParkedCarrier::Unix(stream) => Carrier::Unix(UnixStream::from_std(stream)?),
        };
        Ok(Socket {
            carrier,
            #[cfg(feature = "tls")]
            tls: self.tls,
        })
    }
}

impl From<std::net::TcpStream> for Parked {
    /// A plain connection that does not block.
    fn from(stream: std::net::TcpStream) -> Self {
        Self {
            carrier: ParkedCarrier::Tcp(stream),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Carrier {
    /// Reads what is there. A read that does not fill its room has emptied the socket: the runtime is
    /// told so, as by a read that finds nothing, and wakes when more comes. It need not be tried again.
    pub(crate) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        let mut read = |socket: SockRef<'_>| {
            count = (&*socket).read(into)?;
            if count == 0 || count == into.len() { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
        };
        let tried = match self {
            Self::Tcp(stream) => stream.try_io(Interest::READABLE, || read(SockRef::from(stream))),
            Self::Unix(stream) => stream.try_io(Interest::READABLE, || read(SockRef::from(stream))),
        };
        match tried {
            Err(err) if count == 0 => Err(err),
            _ => Ok(count),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn try_write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write_vectored(slices),
            Self::Unix(stream) => stream.try_write_vectored(slices),
        }
    }

    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(context),
            Self::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(context),
            Self::Unix(stream) => stream.poll_write_ready(context),
        }
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// A carrier as rustls wants it; only ever tries.
#[cfg(feature = "tls")]
impl io::Read for &Carrier {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.try_read(into)
    }
}

#[cfg(feature = "tls")]
impl io::Write for &Carrier {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this.try_read(into.initialize_unfilled()) {
                Ok(count) => {
                    into.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(err) if err.kind() == ErrorKind::WouldBlock => ready!(this.carrier.poll_read_ready(context))?,
                Err(err) => return Poll::Ready(Err(err)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            match this.try_write(bytes) {
                Err(err) if err.kind() == ErrorKind::WouldBlock => ready!(this.carrier.poll_write_ready(context))?,
                wrote => return Poll::Ready(wrote),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.try_flush()? {
            ready!(this.carrier.poll_write_ready(context))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.tls {
            session.say_goodbye();
        }
        ready!(self.as_mut().poll_flush(context))?;
        self.get_mut().carrier.poll_shutdown(context)
    }
}
