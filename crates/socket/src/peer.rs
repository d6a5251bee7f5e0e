//! Who is at the other end of a connection.

use std::fmt;
use std::net::SocketAddr;

use patterns::{LOCALHOST, SimplePattern};

/// Who connected, or who was connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP, from this address.
    Tcp(SocketAddr),
    /// Over a unix socket of this machine.
    Unix,
}

impl Peer {
    /// Whether a list of addresses allows it; a unix socket counts as `localhost`.
    #[must_use]
    pub fn is_allowed_by(self, list: &SimplePattern) -> bool {
        match self {
            Self::Tcp(address) => list.matches_address(address.ip()),
            Self::Unix => list.matches(LOCALHOST),
        }
    }

    /// Whether both come from one address, whatever the ports.
    #[must_use]
    pub fn is_where(self, other: Self) -> bool {
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(two)) => one.ip() == two.ip(),
            (Self::Unix, Self::Unix) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str(LOCALHOST),
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}
