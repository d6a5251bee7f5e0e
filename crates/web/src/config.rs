//! What the server is told: settings, the clock, and who is at the other end.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use health::fleet::Fleet;
use health::silencers::Silencers;
use patterns::{LOCALHOST, SimplePattern};
use row::Now;

/// Reads both clocks.
pub type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// Settings of the server.
#[derive(Debug, Clone)]
pub struct Config {
    /// The version of this program, for the `Server` header.
    pub version: String,
    /// Which addresses may use API and dashboard; others are answered with 403.
    pub allow_dashboard_from: SimplePattern,
    /// Which addresses may fetch badges, beside them.
    pub allow_badges_from: SimplePattern,
    /// Which of them may call functions of agents, too.
    pub allow_functions_from: SimplePattern,
    /// Which addresses may stream, and so ask before what is known of their host.
    pub allow_streaming_from: SimplePattern,
    /// Whether this node streams to a parent.
    pub streams_to_parent: bool,
    /// Whether the port speaks TLS.
    pub tls: bool,
    /// The alarms of all hosts, where hosts are watched.
    pub alarms: Option<Arc<Fleet>>,
    /// Who may silence them, beside knowing the key.
    pub allow_management_from: SimplePattern,
    /// How silencers are kept, and the key that whoever manages them must know.
    pub management: Option<Management>,
}

/// Keeps silencers, so that they outlive the node.
pub type Keep = Arc<dyn Fn(&Silencers) -> io::Result<()> + Send + Sync>;

/// What it takes to manage alarms.
#[derive(Clone)]
pub struct Management {
    /// The key; a secret.
    pub key: String,
    /// Keeps silencers.
    pub keep: Keep,
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management").finish_non_exhaustive()
    }
}

/// Who may ask; may be exchanged while the server runs.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// Addresses that may use API and dashboard.
    pub dashboard: SimplePattern,
    /// Addresses that may fetch badges, beside them.
    pub badges: SimplePattern,
    /// Those of the first that may call functions of agents.
    pub functions: SimplePattern,
    /// Addresses that may stream.
    pub streaming: SimplePattern,
    /// Those of the first that may silence alarms.
    pub management: SimplePattern,
}

impl Default for Config {
    /// Everybody may come in.
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            allow_dashboard_from: SimplePattern::new("*"),
            allow_badges_from: SimplePattern::new("*"),
            allow_functions_from: SimplePattern::new("*"),
            allow_streaming_from: SimplePattern::new("*"),
            streams_to_parent: false,
            alarms: None,
            allow_management_from: SimplePattern::new("*"),
            management: None,
            tls: false,
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A client over TCP.
    Tcp(SocketAddr),
    /// A client over TCP with TLS.
    Tls(SocketAddr),
    /// A client on this machine, over a unix socket.
    Unix,
}

impl Peer {
    pub(crate) fn is_allowed_by(self, list: &SimplePattern) -> bool {
        match self {
            Self::Tcp(address) | Self::Tls(address) => list.matches_address(address.ip()),
            Self::Unix => list.matches(LOCALHOST),
        }
    }
}

impl Peer {
    /// Its address, or `localhost` for whoever is on this machine.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Tcp(address) | Self::Tls(address) if !address.ip().to_canonical().is_loopback() => {
                address.ip().to_canonical().to_string()
            }
            _ => LOCALHOST.to_owned(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Tls(address) => address.fmt(f),
            Self::Unix => f.write_str(LOCALHOST),
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}
