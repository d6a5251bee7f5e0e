//! Getting a connection to a parent: names, interfaces, unix sockets, TLS.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use socket::client::Connector;
use socket::{Socket, TlsError};
use tokio::net::{TcpSocket, UnixStream};
use tokio::time::{Instant, timeout};

use socket::destination::{Destination, Place, resolve};

/// How long one address may take to answer; a machine that is there takes far less.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A name is asked for again after this many times what the last answer took, so that a name server
/// that is away holds up a lane, and all hosts on it, for a small part of the time.
const ASK_AGAIN_AFTER: u32 = 10;
/// But not later than this.
const ASK_AGAIN_WITHIN: Duration = Duration::from_secs(30);
/// Names that a lane remembers.
const NAMES_MAX: usize = 64;

thread_local! {
    /// What the name server said last, for all hosts of the lane.
    static NAMES: RefCell<Vec<Name>> = RefCell::default();
}

/// A name that was asked for.
struct Name {
    place: Place,
    until: Instant,
    found: Result<Vec<SocketAddr>, String>,
}

/// What was connected to, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error("{0} does not answer within {s} s", s = .1.as_secs())]
    NoAnswer(SocketAddr, Duration),
    #[error("the name cannot be resolved: {0}")]
    Name(String),
    #[error("interface {0}: {1}")]
    Interface(String, io::Error),
    #[error("{0}")]
    Tls(#[from] TlsError),
}

/// Connects; `within` limits each step.
pub(super) async fn connect(
    destination: &Destination,
    connector: &Connector,
    within: Duration,
) -> Result<(Socket, Address), NoConnection> {
    let (socket, address) = carry(destination, within.min(CONNECT_WITHIN)).await?;
    let Place::Tcp { host, .. } = destination.place() else { return Ok((socket, address)) };
    if !destination.is_encrypted() {
        return Ok((socket, address));
    }
    match timeout(within, connector.connect(socket, host)).await {
        Ok(socket) => Ok((socket?, address)),
        Err(_) => Err(TlsError::Slow(within.as_secs()).into()),
    }
}

/// Whether somebody takes connections there.
pub(super) async fn is_there(destination: &Destination) -> bool {
    carry(destination, CONNECT_WITHIN).await.is_ok()
}

/// Connects, plain.
async fn carry(destination: &Destination, within: Duration) -> Result<(Socket, Address), NoConnection> {
    let (host, interface, port) = match destination.place() {
        Place::Unix(path) => return Ok((UnixStream::connect(path).await?.into(), Address::Unix(path.clone()))),
        Place::Tcp { host, interface, port } => (host, interface.as_deref(), *port),
    };
    let mut last = NoConnection::NoAddress;
    let found = look_up(destination.place(), || resolve(host, interface, port));
    for address in found.map_err(NoConnection::Name)? {
        match timeout(within, connect_to(address, interface)).await {
            Ok(Ok(socket)) => return Ok((socket, Address::Tcp(address))),
            Ok(Err(err)) => last = err,
            Err(_) => last = NoConnection::NoAnswer(address, within),
        }
    }
    Err(last)
}

/// The addresses of a place: those that were found just now by another host of this lane, or anew.
fn look_up(place: &Place, resolve: impl FnOnce() -> io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, String> {
    NAMES.with_borrow_mut(|names| {
        let started = Instant::now();
        names.retain(|name| name.until > started);
        if let Some(name) = names.iter().find(|name| name.place == *place) {
            return name.found.clone();
        }
        let found = resolve().map_err(|err| err.to_string());
        let took = started.elapsed();
        if names.len() < NAMES_MAX {
            let until = started + took + (took * ASK_AGAIN_AFTER).min(ASK_AGAIN_WITHIN);
            names.push(Name { place: place.clone(), until, found: found.clone() });
        }
        found
    })
}

async fn connect_to(address: SocketAddr, interface: Option<&str>) -> Result<Socket, NoConnection> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    let has_zone = matches!(address, SocketAddr::V6(address) if address.scope_id() != 0);
    if let Some(interface) = interface.filter(|_| !has_zone) {
        let bound = socket.bind_device(Some(interface.as_bytes()));
        bound.map_err(|err| NoConnection::Interface(interface.into(), err))?;
    }
    let socket = Socket::from(socket.connect(address).await?);
    socket.prepare(None)?;
    Ok(socket)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;

    /// The goal: a name server that answers slowly is asked by one host of a lane, and by no other
    /// for a while; one that answers at once is asked at each attempt.
    #[tokio::test(start_paused = true)]
    async fn slow_name_servers_are_not_asked_all_the_time() {
        let place = |host: &str| Place::Tcp { host: host.into(), interface: None, port: 1 };
        let mut asked = 0;
        for _ in 0..5 {
            let found = look_up(&place("quick"), || {
                asked += 1;
                Ok(vec![([10, 0, 0, 1], 1).into()])
            });
            assert_eq!(found.unwrap().len(), 1);
        }
        assert_eq!(asked, 5);
        // The clock of this test stands still but for what it is told.
        NAMES.with_borrow_mut(|names| {
            let until = Instant::now() + Duration::from_secs(3);
            names.push(Name { place: place("slow"), until, found: Err("timed out".into()) });
        });
        let again = || look_up(&place("slow"), || Ok(Vec::new()));
        assert_eq!(again().unwrap_err(), "timed out");
        assert!(look_up(&place("other"), || Ok(Vec::new())).is_ok());
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(again().is_ok());
    }
}
