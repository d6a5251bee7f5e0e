//! Getting a connection to a parent: names, interfaces, unix sockets, TLS.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use socket::client::Connector;
use socket::{Socket, TlsError};
use tokio::net::{TcpSocket, UnixStream};
use tokio::time::timeout;

use crate::destination::{Destination, Place, resolve};

/// How long one address may take to answer; a machine that is there takes far less.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

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
    Name(io::Error),
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
    for address in resolve(host, interface, port).map_err(NoConnection::Name)? {
        match timeout(within, connect_to(address, interface)).await {
            Ok(Ok(socket)) => return Ok((socket, Address::Tcp(address))),
            Ok(Err(err)) => last = err,
            Err(_) => last = NoConnection::NoAnswer(address, within),
        }
    }
    Err(last)
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
