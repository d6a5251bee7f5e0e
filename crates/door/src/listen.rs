//! Listening sockets: TCP, and unix sockets with their files.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket::{Peer, Socket};
use socket2::{Domain, SockAddr, Type};
use tokio::net::{TcpListener, UnixListener};
use tracing::{info, warn};

/// Connections that the system queues for us.
const BACKLOG: i32 = 1_024;
/// Who may connect to a unix socket: the user of this process, and its group.
const MODE: u32 = 0o660;

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
        address: Address,
        /// What the system says.
        source: io::Error,
    },
}

/// Where the door listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// At this address and port.
    Tcp(SocketAddr),
    /// At this file.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

impl Listener {
    /// Listens at an address of the settings; a name may have several.
    pub(crate) fn open(text: &str) -> Result<Vec<Self>, BindError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let opened = SocketFile::open(Path::new(path)).map(|(listener, file)| vec![Self::Unix(listener, file)]);
            return opened.map_err(|source| BindError::Listen { address: Address::Unix(path.into()), source });
        }
        let listen = |address| {
            let opened = listen(address).map(Self::Tcp);
            opened.map_err(|source| BindError::Listen { address: Address::Tcp(address), source })
        };
        let addresses = resolve(text).map_err(|source| BindError::Address { address: text.into(), source })?;
        addresses.into_iter().map(listen).collect()
    }

    pub(crate) fn address(&self) -> Option<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(Address::Tcp),
            Self::Unix(_, file) => Some(Address::Unix(file.path.clone())),
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(socket, peer)| (socket.into(), peer.into())),
            Self::Unix(listener, _) => listener.accept().await.map(|(socket, _)| (socket.into(), Peer::Unix)),
        }
    }
}

fn resolve(text: &str) -> io::Result<Vec<SocketAddr>> {
    let address = text.strip_prefix("*:").map(|port| format!("0.0.0.0:{port}"));
    Ok(address.as_deref().unwrap_or(text).to_socket_addrs()?.collect())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The file of a unix socket, removed at the end if it is still ours.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn open(path: &Path) -> io::Result<(UnixListener, Self)> {
        remove_stale(path)?;
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // A socket hands its mode to the file that it is bound to: nobody gets in before it is right.
        let descriptor = File::from(OwnedFd::from(socket));
        descriptor.set_permissions(Permissions::from_mode(MODE))?;
        let socket = socket2::Socket::from(OwnedFd::from(descriptor));
        socket.bind(&SockAddr::unix(path)?)?;
        let file = Self { path: path.into(), identity: identity(path)? };
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(BACKLOG)?;
        Ok((UnixListener::from_std(OwnedFd::from(socket).into())?, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity)
            && let Err(err) = fs::remove_file(&self.path)
        {
            warn!("cannot remove unix:{}: {err}", self.path.display());
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Removes what a killed process left: a socket that nobody listens on, and nothing else.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::other("the file exists and is no socket"));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another process listens there")),
        Err(err) if err.kind() == ErrorKind::ConnectionRefused => {
            info!("unix:{} was left behind by a process that is gone: removed", path.display());
            fs::remove_file(path)
        }
        Err(err) => Err(err),
    }
}
