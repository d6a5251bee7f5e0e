//! Lines over a plain connection, which nobody answers.
//!
//! Lines were delivered when the peer's kernel has confirmed all of them and the peer has not closed. What is in
//! doubt is sent again from its beginning: the same values of the same seconds. A connection is not
//! ended within a line while the peer is alive, for some take half a line for a whole one.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use socket::destination::{Destination, Place, resolve};

use crate::delivery::Outcome;
use crate::send::Heard;

/// How long a line that was begun may take to its end.
const LINE_MAX: Duration = Duration::from_secs(60);
/// How often the kernel is asked whether all was confirmed.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long one address may take to answer.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Of what a peer says so much is told.
const SAID_BYTES_MAX: usize = 200;

/// Sends lines to the first of some destinations that answers.
#[derive(Debug)]
pub struct Lines {
    destinations: Vec<Destination>,
    timeout: Duration,
    connection: Option<Connection>,
    heard: Heard,
}

#[derive(Debug)]
struct Connection {
    carrier: Carrier,
    address: String,
    heard: Heard,
}

#[derive(Debug)]
enum Carrier {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Why lines were not delivered.
#[derive(Debug)]
pub struct Failure {
    /// Where they were to go; empty where no destination answers.
    pub address: String,
    /// What happened.
    pub error: io::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.is_empty() { self.error.fmt(f) } else { write!(f, "{}: {}", self.address, self.error) }
    }
}

impl Lines {
    /// Nothing is connected yet; a batch may take as long as `timeout`.
    #[must_use]
    pub const fn new(destinations: Vec<Destination>, timeout: Duration) -> Self {
        Self { destinations, timeout, connection: None, heard: Heard { connections: 0, answers: 0, answer_bytes: 0 } }
    }

    /// Sends lines.
    ///
    /// # Errors
    /// Where they were not delivered, as far as can be known; they are to be sent again.
    pub fn send(&mut self, lines: &[u8]) -> Result<Outcome, Failure> {
        if self.connection.as_mut().is_some_and(|connection| connection.hear().is_err()) {
            self.connection = None;
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = self.connect()?;
                self.heard.connections += 1;
                connection
            }
        };
        let delivered = connection.deliver(lines, self.timeout);
        let heard = mem::take(&mut connection.heard);
        self.heard.answers += heard.answers;
        self.heard.answer_bytes += heard.answer_bytes;
        match delivered {
            Ok(()) => {
                self.connection = Some(connection);
                Ok(Outcome::Delivered)
            }
            Err(error) => Err(Failure { address: connection.address, error }),
        }
    }

    /// What was heard since this was asked last.
    pub fn take_heard(&mut self) -> Heard {
        mem::take(&mut self.heard)
    }

    /// Connects to the first destination that answers.
    fn connect(&self) -> Result<Connection, Failure> {
        let mut last = Failure { address: String::new(), error: io::Error::other("there is no destination") };
        for destination in &self.destinations {
            let connection = match destination.place() {
                Place::Unix(path) => unix(path),
                Place::Tcp { host, interface, port } => self.tcp(host, interface.as_deref(), *port),
            };
            match connection {
                Ok(connection) => return Ok(connection),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    fn tcp(&self, host: &str, interface: Option<&str>, port: u16) -> Result<Connection, Failure> {
        let failed = |error| Failure { address: format!("{host}:{port}"), error };
        let mut last = failed(io::Error::other("there is no address"));
        for address in resolve(host, interface, port).map_err(failed)? {
            match self.connect_to(&address, interface) {
                Ok(stream) => return Connection::new(Carrier::Tcp(stream), address.to_string()),
                Err(error) => last = Failure { address: address.to_string(), error },
            }
        }
        Err(last)
    }

    fn connect_to(&self, address: &SocketAddr, interface: Option<&str>) -> io::Result<TcpStream> {
        let within = self.timeout.min(CONNECT_MAX);
        let Some(interface) = interface else { return TcpStream::connect_timeout(address, within) };
        let socket = socket2::Socket::new(socket2::Domain::for_address(*address), socket2::Type::STREAM, None)?;
        socket.bind_device(Some(interface.as_bytes()))?;
        socket.connect_timeout(&(*address).into(), within)?;
        Ok(socket.into())
    }
}

fn unix(path: &Path) -> Result<Connection, Failure> {
    let address = path.display().to_string();
    match UnixStream::connect(path) {
        Ok(stream) => Connection::new(Carrier::Unix(stream), address),
        Err(error) => Err(Failure { address, error }),
    }
}

impl Connection {
    fn new(carrier: Carrier, address: String) -> Result<Self, Failure> {
        let is_set = match &carrier {
            Carrier::Tcp(stream) => stream.set_nonblocking(true),
            Carrier::Unix(stream) => stream.set_nonblocking(true),
        };
        match is_set {
            Ok(()) => Ok(Self { carrier, address, heard: Heard::default() }),
            Err(error) => Err(Failure { address, error }),
        }
    }

    /// Writes lines and waits until they are confirmed.
    fn deliver(&mut self, lines: &[u8], timeout: Duration) -> io::Result<()> {
        let mut waited = Duration::ZERO;
        let mut written = 0;
        while written < lines.len() {
            let more = match &mut self.carrier {
                Carrier::Tcp(stream) => stream.write(&lines[written..]),
                Carrier::Unix(stream) => stream.write(&lines[written..]),
            };
            match more {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(more) => written += more,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => {
                    let is_within_line = written > 0 && lines[written - 1] != b'\n';
                    let within = if is_within_line { timeout.max(LINE_MAX) } else { timeout };
                    self.wait(&mut waited, within)?;
                }
                Err(err) => return Err(err),
            }
        }
        loop {
            let unconfirmed = match &self.carrier {
                Carrier::Tcp(stream) => outq::unconfirmed(stream)?,
                Carrier::Unix(_) => 0,
            };
            self.hear()?;
            if unconfirmed == 0 {
                return Ok(());
            }
            self.wait(&mut waited, timeout)?;
        }
    }

    /// Waits a little for a peer that is slow; all waits together last as long as `within`.
    fn wait(&mut self, waited: &mut Duration, within: Duration) -> io::Result<()> {
        self.hear()?;
        if *waited >= within {
            return Err(io::Error::new(ErrorKind::TimedOut, "the backend does not take what it is sent"));
        }
        thread::sleep(LOOK_EVERY);
        *waited += LOOK_EVERY;
        Ok(())
    }

    /// Reads what the peer says: it speaks only of what is wrong.
    fn hear(&mut self) -> io::Result<()> {
        let mut said = [0; SAID_BYTES_MAX];
        loop {
            let read = match &mut self.carrier {
                Carrier::Tcp(stream) => stream.read(&mut said),
                Carrier::Unix(stream) => stream.read(&mut said),
            };
            match read {
                Ok(0) => return Err(io::Error::new(ErrorKind::ConnectionAborted, "the backend closed the connection")),
                Ok(bytes) => {
                    self.heard.answers += 1;
                    self.heard.answer_bytes += bytes as u64;
                    let text = String::from_utf8_lossy(&said[..bytes]);
                    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                    tracing::warn!("export: {} says: {}", self.address, text.trim());
                }
                Err(err) if err.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc::channel;

    use super::*;

    fn lines_to(addresses: &str, timeout: Duration) -> Lines {
        Lines::new(Destination::list(addresses, 2_003).unwrap(), timeout)
    }

    const LONG: Duration = Duration::from_secs(20);

    /// Goal: the first destination that answers is used, and what was sent arrives whole, batch after batch.
    #[test]
    fn lines_arrive() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (sent, arrived) = channel();
        let reader = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            sent.send(text).unwrap();
        });
        let mut lines = lines_to(&format!("{nobody} {address}"), LONG);
        let text = "a.b 1.0000000 1795387846\n".repeat(50_000);
        assert_eq!(lines.send(text.as_bytes()).unwrap(), Outcome::Delivered);
        assert_eq!(lines.send(b"last 1 2\n").unwrap(), Outcome::Delivered);
        drop(lines);
        assert_eq!(arrived.recv().unwrap(), text + "last 1 2\n");
        reader.join().unwrap();
    }

    /// Goal: a peer that closes without reading is noticed, though a write may succeed; the next attempt connects anew.
    #[test]
    fn a_peer_that_closes_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut lines = lines_to(&listener.local_addr().unwrap().to_string(), LONG);
        let reader = thread::spawn(move || {
            drop(listener.accept().unwrap());
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = [0; 6];
            stream.read_exact(&mut text).unwrap();
            (text, stream)
        });
        let text = "a 1 2\n".repeat(100_000);
        let failure = lines.send(text.as_bytes()).unwrap_err();
        assert!(!failure.address.is_empty(), "{failure}");
        assert_eq!(lines.send(b"a 1 2\n").unwrap(), Outcome::Delivered);
        assert_eq!(&reader.join().unwrap().0, b"a 1 2\n");
    }

    /// Goal: a peer that takes nothing holds nobody up for longer than the timeout.
    #[test]
    fn a_black_hole_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut lines = lines_to(&listener.local_addr().unwrap().to_string(), Duration::from_millis(300));
        // Empty lines: wherever it is cut, none is begun.
        let text = "\n".repeat(16 * 1_024 * 1_024);
        let failure = lines.send(text.as_bytes()).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::TimedOut, "{failure}");
        drop(listener);
        assert!(lines.send(b"a 1 2\n").is_err(), "nobody listens");
    }

    #[test]
    fn unix_sockets_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut lines = lines_to(&format!("unix:{}", path.display()), LONG);
        let reader = thread::spawn(move || {
            let mut text = [0; 6];
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut text).unwrap();
            (text, stream)
        });
        assert_eq!(lines.send(b"a 1 2\n").unwrap(), Outcome::Delivered);
        assert_eq!(&reader.join().unwrap().0, b"a 1 2\n");
    }
}
