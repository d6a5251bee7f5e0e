//! The one port: listens, decides who may connect, looks at the first bytes, hands over.
//!
//! ```text
//! listen ─> accept ─> first byte ──┬── TLS ──┐
//!                                  └─ plain ─┴─> first bytes ─> stream, or the rest
//! ```
//!
//! A stream opens with `STREAM `, which is not HTTP; everything else goes to whoever takes the
//! rest. So stream and web are siblings that share a port, and either can be absent. The door
//! reads only what it needs to tell them apart, and passes on what it read. TLS begins with a byte
//! that neither has, so one port takes both; where TLS is required, `plain` says no in words.
//!
//! Nobody who is slow keeps others waiting: there are places for those who have not yet said what
//! they are, and fewer for handshakes, each with a limit of time. It is short for those who come when half
//! of the places are taken: a crowd of the silent cannot keep the port for itself.
#![forbid(unsafe_code)]

mod listen;
mod plain;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use patterns::SimplePattern;
use socket::server::Acceptor;
use socket::{Peer, Socket};
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

pub use listen::{Address, BindError};

use listen::Listener;

/// The first bytes of a stream.
const STREAM: &[u8] = b"STREAM ";
/// The first byte of a TLS handshake.
const TLS: u8 = 0x16;
/// How long a connection may take to say what it is.
const FIRST_BYTES_WITHIN: Duration = Duration::from_secs(60);
/// The same for one that comes to a crowd.
const FIRST_BYTES_OF_CROWD_WITHIN: Duration = Duration::from_secs(5);
/// Connections that have not yet said what they are, at most; more wait in the system's queue. Tests have not
/// so many files.
const UNDECIDED_MAX: usize = if cfg!(test) { 16 } else { 1_024 };
/// More of them are a crowd.
const CROWD: usize = UNDECIDED_MAX / 2;
/// How long the door waits when the process is out of files or memory, before it accepts again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection that was let in, with what was read of it.
#[derive(Debug)]
pub struct Opening {
    /// The connection.
    pub socket: Socket,
    /// Its first bytes, already read.
    pub head: Vec<u8>,
    /// Who connected.
    pub peer: Peer,
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
    /// Addresses to listen on, as in the settings: `IP:PORT`, `[IP]:PORT`, `*:PORT`, `HOST:PORT` or
    /// `unix:/path`.
    pub bind_to: Vec<String>,
    /// Who may connect at all; others are closed without a word.
    pub allow_connections_from: SimplePattern,
    /// Encrypts, where the node has a certificate; its identity may be exchanged meanwhile.
    pub tls: Option<Arc<Acceptor>>,
    /// Whether who connects over the network without TLS is refused.
    pub tls_required: bool,
}

/// The listening sockets.
#[derive(Debug)]
pub struct Door {
    listeners: Vec<Listener>,
    rules: Rulebook,
}

/// The rules of an open door, which may be exchanged; cheap to clone.
#[derive(Debug, Clone)]
pub struct Rulebook(Arc<RwLock<Rules>>);

/// What holds for all listeners.
#[derive(Debug, Clone)]
struct Rules {
    allow: Arc<SimplePattern>,
    tls: Option<Arc<Acceptor>>,
    tls_required: bool,
}

impl Door {
    /// Listens on all addresses; needs a runtime.
    ///
    /// # Errors
    /// Where one of them cannot be had.
    pub fn open(config: Config) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        for text in &config.bind_to {
            listeners.append(&mut Listener::open(text)?);
        }
        let Config { tls, tls_required, .. } = config;
        let rules = Rules { allow: Arc::new(config.allow_connections_from), tls, tls_required };
        Ok(Self { listeners, rules: Rulebook(Arc::new(RwLock::new(rules))) })
    }

    /// The rules, to exchange them while the door is open.
    #[must_use]
    pub fn rules(&self) -> Rulebook {
        self.rules.clone()
    }

    /// The addresses listened on, with the ports that the system chose for port 0.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.listeners.iter().filter_map(Listener::address).collect()
    }

    /// Accepts connections and hands them over until `stop`.
    pub async fn run(self, guests: Guests, stop: CancellationToken) {
        let undecided = Arc::new(Semaphore::new(UNDECIDED_MAX));
        let tasks = TaskTracker::new();
        for listener in self.listeners {
            let hall = Hall {
                guests: guests.clone(),
                rules: self.rules.clone(),
                undecided: Arc::clone(&undecided),
                tasks: tasks.clone(),
            };
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(hall.accept(listener)).await });
        }
        stop.cancelled().await;
    }
}

impl Rulebook {
    /// Decides by other rules from now on; who is in stays.
    pub fn exchange(&self, allow_connections_from: SimplePattern, tls_required: bool) {
        let mut rules = self.0.write().unwrap_or_else(PoisonError::into_inner);
        rules.allow = Arc::new(allow_connections_from);
        rules.tls_required = tls_required;
    }

    fn now(&self) -> Rules {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Where connections wait until they have said what they are.
struct Hall {
    guests: Guests,
    rules: Rulebook,
    undecided: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Hall {
    async fn accept(&self, listener: Listener) {
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
            let rules = self.rules.now();
            if !peer.is_allowed_by(&rules.allow) {
                info!("connection from {peer} refused by web.allow_connections_from");
                continue;
            }
            let guests = self.guests.clone();
            let is_crowded = self.undecided.available_permits() < UNDECIDED_MAX - CROWD;
            let patience = if is_crowded { FIRST_BYTES_OF_CROWD_WITHIN } else { FIRST_BYTES_WITHIN };
            self.tasks.spawn(async move {
                let opening = tokio::time::timeout(patience, decide(socket, peer, rules)).await;
                drop(place);
                if let Ok(Some(opening)) = opening {
                    hand_over(opening, &guests);
                }
            });
        }
    }
}

/// Encrypts if that is what is asked for, and reads until it is clear what the connection is;
/// `None` where it ends before.
async fn decide(mut socket: Socket, peer: Peer, rules: Rules) -> Option<Opening> {
    let mut head = Vec::with_capacity(2_048);
    if socket.read_buf(&mut head).await.ok()? == 0 {
        return None;
    }
    if head[0] == TLS {
        let Some(acceptor) = rules.tls else {
            info!("STREAM [receive from {peer}]: TLS refused: this node has no certificate (web.tls_certificate)");
            plain::refuse_tls(socket).await;
            return None;
        };
        socket = match acceptor.accept(socket, &head).await {
            Ok(socket) => socket,
            Err(err) => {
                info!("STREAM [receive from {peer}]: TLS not established: {err}");
                return None;
            }
        };
        head.clear();
    } else if rules.tls_required && !socket.is_local() {
        info!("STREAM [receive from {peer}]: refused: it speaks plain text, and web.tls is \"required\"");
        plain::refuse(socket, head).await;
        return None;
    }
    first_bytes(socket, head, peer).await
}

/// Reads until it is clear what the connection is; `None` where it ends before.
async fn first_bytes(mut socket: Socket, mut head: Vec<u8>, peer: Peer) -> Option<Opening> {
    while head.len() < STREAM.len() && STREAM.starts_with(&head) {
        if socket.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(Opening { socket, head, peer })
}

fn hand_over(opening: Opening, guests: &Guests) {
    let guest = if opening.head.starts_with(STREAM) { &guests.stream } else { &guests.rest };
    match guest {
        Some(guest) => guest(opening),
        None => info!("connection from {} closed: nothing here takes it", opening.peer),
    }
}

impl fmt::Debug for Guests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guests").field("stream", &self.stream.is_some()).field("rest", &self.rest.is_some()).finish()
    }
}
