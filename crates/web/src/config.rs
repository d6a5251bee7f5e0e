//! What the server is told: settings, the clock, and who is at the other end.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use export::Ledgers;
use health::fleet::Fleet;
use health::silencers::Silencers;
use patterns::{LOCALHOST, SimplePattern};
use row::{Guid, Now};
use rrd_store::Disk;

use crate::secret::Tokens;

/// Reads both clocks.
pub type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// Settings of the server.
#[derive(Debug, Clone)]
pub struct Config {
    /// The version of this program, for the `Server` header.
    pub version: String,
    /// Who may ask for what, at first.
    pub allowed: Allowed,
    /// Whether this node streams to a parent.
    pub streams_to_parent: bool,
    /// Whether the port speaks TLS.
    pub tls: bool,
    /// The alarms of all hosts, where hosts are watched.
    pub alarms: Option<Arc<Fleet>>,
    /// How silencers are kept, and the key that whoever manages them must know.
    pub management: Option<Management>,
    /// The registry.
    pub registry: Registry,
    /// A folder whose files are served in place of the built-in dashboard.
    pub custom_dir: Option<PathBuf>,
    /// The settings in force, as a page shows them: no secrets.
    pub settings: String,
    /// Whether there is an access log to write to.
    pub access_log: bool,
    /// What became of windows for backends.
    pub backends: Ledgers,
    /// Who knows what is older than the store's rows.
    pub archive: Option<Arc<archive::Reader>>,
}

/// The registry of a node.
#[derive(Clone)]
pub struct Registry {
    /// Whether it is one.
    pub enabled: bool,
    /// The URL of the registry that dashboards are sent to; empty: this node.
    pub announce: String,
    /// Where it keeps what it knows; in memory alone without.
    pub disk: Option<Arc<dyn Disk>>,
    /// Makes an identity that nobody can guess.
    pub new_guid: fn() -> Guid,
}

impl Registry {
    /// Scheme, host and port of what is announced.
    pub(crate) fn announced_origin(&self) -> &str {
        let begin = self.announce.find("://").map_or(0, |at| at + 3);
        let end = self.announce[begin..].find('/').map_or(self.announce.len(), |at| begin + at);
        let origin = &self.announce[..end];
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte);
        if origin.bytes().all(is_plain) { origin } else { "" }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

impl Default for Registry {
    /// In memory, for tests: it makes identities that are hard to guess.
    fn default() -> Self {
        Self { enabled: true, announce: String::new(), disk: None, new_guid: hard_to_guess }
    }
}

fn hard_to_guess() -> Guid {
    let random = |_| RandomState::new().hash_one(0).to_ne_bytes();
    let bytes = [0, 1].map(random).concat();
    Guid::from_bytes(bytes.try_into().unwrap_or_default())
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
    /// Addresses that may stream, and so ask before what is known of their host.
    pub streaming: SimplePattern,
    /// Those of the first that may silence alarms.
    pub management: SimplePattern,
    /// Addresses whose dashboards may use the registry.
    pub registry: SimplePattern,
    /// Addresses that may read the settings.
    pub settings: SimplePattern,
    /// What API and dashboard want to be shown.
    pub tokens: Tokens,
}

impl Default for Allowed {
    /// Everybody may come in.
    fn default() -> Self {
        let all = || SimplePattern::new("*");
        Self {
            dashboard: all(),
            badges: all(),
            functions: all(),
            streaming: all(),
            management: all(),
            registry: all(),
            settings: all(),
            tokens: Tokens::default(),
        }
    }
}

impl Default for Config {
    /// Everybody may come in.
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            allowed: Allowed::default(),
            streams_to_parent: false,
            tls: false,
            alarms: None,
            management: None,
            registry: Registry::default(),
            custom_dir: None,
            settings: String::new(),
            access_log: false,
            backends: Ledgers::default(),
            archive: None,
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
