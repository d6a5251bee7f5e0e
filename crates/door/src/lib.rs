//! The one port: listens, decides who may connect, looks at the first bytes, hands over.
//!
//! A stream opens with `STREAM `, which is not HTTP; everything else goes to whoever takes the
//! rest. So stream and web are siblings that share a port, and either can be absent. The door
//! reads only what it needs to tell them apart, and passes on what it read.
//!
//! Left out so far: TLS, and unix sockets.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use patterns::SimplePattern;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// The first bytes of a stream.
const STREAM: &[u8] = b"STREAM ";
/// How long a connection may take to say what it is.
const FIRST_BYTES_WITHIN: Duration = Duration::from_secs(60);
/// Connections that have not yet said what they are, at most; more wait in the system's queue.
const UNDECIDED_MAX: usize = 1_024;
/// How long the door waits when the process is out of files or memory, before it accepts again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that the system queues for us.
const BACKLOG: i32 = 1_024;

/// A connection that was let in, with what was read of it.
#[derive(Debug)]
pub struct Opening {
    /// The connection.
    pub socket: TcpStream,
    /// Its first bytes, already read.
    pub head: Vec<u8>,
    /// Who connected.
    pub peer: SocketAddr,
}

/// Takes connections over.
pub type Guest = Arc<dyn Fn(Opening) + Send + Sync>;

/// Who takes which connections.
#[derive(Clone, Default)]
pub struct Guests {
    /// Takes streams.
    pub stream: Option<Guest>,
    /// Takes everything else.
    pub rest: Option<Guest>,
}

/// What the door needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on, as in the settings: `IP:PORT`, `[IP]:PORT`, `*:PORT` or `HOST:PORT`.
    pub bind_to: Vec<String>,
    /// Who may connect at all; others are closed without a word.
    pub allow_connections_from: SimplePattern,
}

/// Why the door cannot open.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is not one.
    #[error("web.bind_to = \"{address}\"")]
    Address {
        /// As it stands in the settings.
        address: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// The listening sockets.
#[derive(Debug)]
pub struct Door {
    listeners: Vec<TcpListener>,
    allow_connections_from: Arc<SimplePattern>,
}

impl Door {
    /// Listens on all addresses; needs a runtime.
    ///
    /// # Errors
    /// Where one of them cannot be had.
    pub fn open(config: Config) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        for text in &config.bind_to {
            for address in resolve(text)? {
                listeners.push(listen(address).map_err(|source| BindError::Listen { address, source })?);
            }
        }
        Ok(Self { listeners, allow_connections_from: Arc::new(config.allow_connections_from) })
    }

    /// The addresses listened on, with the ports that the system chose for port 0.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Accepts connections and hands them over until `stop`.
    pub async fn run(self, guests: Guests, stop: CancellationToken) {
        let undecided = Arc::new(Semaphore::new(UNDECIDED_MAX));
        let tasks = TaskTracker::new();
        for listener in self.listeners {
            let hall = Hall {
                guests: guests.clone(),
                allow: Arc::clone(&self.allow_connections_from),
                undecided: Arc::clone(&undecided),
                tasks: tasks.clone(),
            };
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(hall.accept(listener)).await });
        }
        stop.cancelled().await;
    }
}

/// Where connections wait until they have said what they are.
struct Hall {
    guests: Guests,
    allow: Arc<SimplePattern>,
    undecided: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Hall {
    async fn accept(&self, listener: TcpListener) {
        loop {
            let Ok(place) = Arc::clone(&self.undecided).acquire_owned().await else { return };
            let (socket, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(err) => {
                    warn!("cannot accept a connection: {err}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if !self.allow.matches_address(peer.ip()) {
                info!("connection from {peer} refused by web.allow_connections_from");
                continue;
            }
            let guests = self.guests.clone();
            self.tasks.spawn(async move {
                let opening = tokio::time::timeout(FIRST_BYTES_WITHIN, first_bytes(socket, peer)).await;
                drop(place);
                if let Ok(Some(opening)) = opening {
                    hand_over(opening, &guests);
                }
            });
        }
    }
}

/// Reads until it is clear what the connection is; `None` where it ends before.
async fn first_bytes(mut socket: TcpStream, peer: SocketAddr) -> Option<Opening> {
    let mut head = Vec::with_capacity(2_048);
    loop {
        if socket.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
        if head.len() >= STREAM.len() || !STREAM.starts_with(&head) {
            return Some(Opening { socket, head, peer });
        }
    }
}

fn hand_over(opening: Opening, guests: &Guests) {
    let guest = if opening.head.starts_with(STREAM) { &guests.stream } else { &guests.rest };
    match guest {
        Some(guest) => guest(opening),
        None => info!("connection from {} closed: nothing here takes it", opening.peer),
    }
}

fn resolve(text: &str) -> Result<Vec<SocketAddr>, BindError> {
    let wrong = |source| BindError::Address { address: text.into(), source };
    if text.starts_with("unix:") {
        return Err(wrong(io::Error::other("unix sockets are not built yet")));
    }
    let address = text.strip_prefix("*:").map(|port| format!("0.0.0.0:{port}"));
    let addresses = address.as_deref().unwrap_or(text).to_socket_addrs().map_err(wrong)?;
    Ok(addresses.collect())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

impl fmt::Debug for Guests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guests").field("stream", &self.stream.is_some()).field("rest", &self.rest.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::io::AsyncWriteExt;

    async fn open(allow: &str) -> (SocketAddr, mpsc::Receiver<(bool, Vec<u8>)>, CancellationToken) {
        let config = Config { bind_to: vec!["127.0.0.1:0".into()], allow_connections_from: SimplePattern::new(allow) };
        let door = Door::open(config).unwrap();
        let address = door.addresses()[0];
        let (sender, receiver) = mpsc::channel();
        let guest = |is_stream: bool| -> Option<Guest> {
            let sender = sender.clone();
            Some(Arc::new(move |opening: Opening| sender.send((is_stream, opening.head)).unwrap()))
        };
        let guests = Guests { stream: guest(true), rest: guest(false) };
        let stop = CancellationToken::new();
        tokio::spawn(door.run(guests, stop.clone()));
        (address, receiver, stop)
    }

    async fn received(receiver: &mpsc::Receiver<(bool, Vec<u8>)>) -> (bool, Vec<u8>) {
        for _ in 0..1_000 {
            if let Ok(found) = receiver.try_recv() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing was handed over");
    }

    #[tokio::test]
    async fn the_first_bytes_decide_even_when_they_come_singly() {
        let (address, receiver, _stop) = open("*").await;
        for (text, is_stream) in [("STREAM key=1", true), ("GET / HTTP/1.1", false), ("STRANGE", false), ("S\n", false)]
        {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.set_nodelay(true).unwrap();
            for byte in text.bytes() {
                if socket.write_all(&[byte]).await.is_err() {
                    break; // it was handed over, and dropped
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let (found, head) = received(&receiver).await;
            assert_eq!(found, is_stream, "{text}");
            assert!(text.as_bytes().starts_with(&head));
        }
    }

    #[tokio::test]
    async fn strangers_are_closed_without_a_word() {
        let (address, receiver, _stop) = open("!localhost *").await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let mut answer = Vec::new();
        assert_eq!(socket.read_to_end(&mut answer).await.unwrap_or(0), 0);
        assert!(receiver.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let (address, _receiver, _stop) = open("*").await;
        let config = Config { bind_to: vec![address.to_string()], allow_connections_from: SimplePattern::new("*") };
        let error = Door::open(config).unwrap_err().to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        for wrong in ["unix:/tmp/x", "nonsense", "127.0.0.1:99999"] {
            let config = Config { bind_to: vec![wrong.into()], allow_connections_from: SimplePattern::new("*") };
            assert!(Door::open(config).unwrap_err().to_string().contains(wrong));
        }
    }
}
