//! Admission: which streams are taken, and how their hosts are kept.
//!
//! Checks in the order in which older parents make them; the answer to a child never tells which
//! one it failed, our log does. Keys appear in the log with their first eight characters only.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use patterns::SimplePattern;
use protocol::{Refusal, Request};
use row::Guid;
use rrd_store::{Keep, MemoryMode};
use socket::Peer;

use crate::codec::Codec;
use crate::shown::Shortened;

/// Who may stream to this node.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses that may stream at all.
    pub allow_streaming_from: SimplePattern,
    /// Whether a child over the network must have shown a certificate.
    pub wants_certificate: bool,
    /// API keys.
    pub api_keys: HashMap<Guid, ApiKey>,
    /// What is set for single hosts.
    pub machines: HashMap<Guid, Machine>,
}

/// What an API key gives.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Whether it is in force.
    pub enabled: bool,
    /// Addresses that may use it.
    pub allow_from: SimplePattern,
    /// How hosts that come with it are kept.
    pub keep: Keep,
    /// Whether they come and go, so that nothing of them is to stay; `None`: as they say.
    pub ephemeral: Option<bool>,
    /// How long small reads are gathered.
    pub pace: Duration,
    /// Codecs that its children are asked for, the first they know; none: they send plain text.
    pub compression: Vec<Codec>,
    /// Where its hosts are streamed on to.
    #[cfg(feature = "sender")]
    pub forward: Option<std::sync::Arc<crate::sender::Config>>,
}

/// What is set for one host; it wins over the API key.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Whether the host may stream here.
    pub enabled: bool,
    /// Addresses that it may stream from.
    pub allow_from: SimplePattern,
    /// How it is kept.
    pub mode: Option<MemoryMode>,
    /// How many rows are kept.
    pub history_rows: Option<u32>,
}

/// A stream that may enter.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    pub(super) keep: Keep,
    pub(super) ephemeral: Option<bool>,
    pub(super) pace: Duration,
    pub(super) compression: Vec<Codec>,
    #[cfg(feature = "sender")]
    pub(super) forward: Option<std::sync::Arc<crate::sender::Config>>,
}

/// Why a stream may not enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    Address,
    NoCertificate,
    UnknownKey(Guid),
    KeyDisabled(Guid),
    KeyAddress(Guid),
    MachineDisabled,
    MachineAddress,
    OwnHost,
}

impl Denied {
    /// What the child is told.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Address => Refusal::AddressNotAllowed,
            Self::OwnHost => Refusal::SameLocalhost,
            _ => Refusal::NotPermitted,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("its address is not in web.allow_streaming_from"),
            Self::NoCertificate => f.write_str("it showed no TLS certificate of the authority in web.tls_client_ca"),
            Self::UnknownKey(key) => write!(f, "the API key {} is not known here", Shortened(*key)),
            Self::KeyDisabled(key) => write!(f, "the API key {} is disabled", Shortened(*key)),
            Self::KeyAddress(key) => write!(f, "its address is not in allow_from of the API key {}", Shortened(*key)),
            Self::MachineDisabled => f.write_str("the host is disabled by its [machines] table"),
            Self::MachineAddress => f.write_str("its address is not in allow_from of the host's [machines] table"),
            Self::OwnHost => f.write_str("it is this node's own host"),
        }
    }
}

/// Decides about a request from `peer` to the node with the GUID `own`.
pub(super) fn admit(
    config: &Config,
    request: &Request,
    peer: Peer,
    is_certified: bool,
    own: Guid,
) -> Result<Admitted, Denied> {
    if !peer.is_allowed_by(&config.allow_streaming_from) {
        return Err(Denied::Address);
    }
    if config.wants_certificate && !is_certified {
        return Err(Denied::NoCertificate);
    }
    let key = config.api_keys.get(&request.key).ok_or(Denied::UnknownKey(request.key))?;
    if !key.enabled {
        return Err(Denied::KeyDisabled(request.key));
    }
    if !peer.is_allowed_by(&key.allow_from) {
        return Err(Denied::KeyAddress(request.key));
    }
    if request.machine_guid == own {
        return Err(Denied::OwnHost);
    }
    let mut keep = key.keep;
    if let Some(machine) = config.machines.get(&request.machine_guid) {
        if !machine.enabled {
            return Err(Denied::MachineDisabled);
        }
        if !peer.is_allowed_by(&machine.allow_from) {
            return Err(Denied::MachineAddress);
        }
        keep.mode = machine.mode.unwrap_or(keep.mode);
        keep.history_rows = machine.history_rows.unwrap_or(keep.history_rows);
    }
    Ok(Admitted {
        keep,
        ephemeral: key.ephemeral,
        pace: key.pace,
        compression: key.compression.clone(),
        #[cfg(feature = "sender")]
        forward: key.forward.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Guid = Guid::from_bytes([1; 16]);
    const HOST: Guid = Guid::from_bytes([2; 16]);
    const OWN: Guid = Guid::from_bytes([3; 16]);

    fn config() -> Config {
        let key = ApiKey {
            enabled: true,
            allow_from: SimplePattern::new("localhost 10.*"),
            keep: Keep::new(MemoryMode::Ram, 3_600),
            ephemeral: None,
            pace: Duration::ZERO,
            compression: Codec::BUILT.to_vec(),
            #[cfg(feature = "sender")]
            forward: None,
        };
        let machine =
            Machine { enabled: true, allow_from: SimplePattern::new("!10.9.* *"), mode: None, history_rows: Some(60) };
        Config {
            allow_streaming_from: SimplePattern::new("!10.0.0.66 *"),
            wants_certificate: false,
            api_keys: HashMap::from([(KEY, key)]),
            machines: HashMap::from([(HOST, machine)]),
        }
    }

    fn ask(config: &Config, key: Guid, host: Guid, peer: &str) -> Result<u32, Denied> {
        let request = Request::new(key, host, "alpha");
        let peer = Peer::Tcp(std::net::SocketAddr::new(peer.parse().unwrap(), 1));
        admit(config, &request, peer, false, OWN).map(|admitted| admitted.keep.history_rows)
    }

    #[test]
    fn each_check_denies_for_its_own_reason() {
        let config = config();
        let other = Guid::from_bytes([9; 16]);
        assert_eq!(ask(&config, KEY, other, "127.0.0.1"), Ok(3_600));
        assert_eq!(ask(&config, KEY, HOST, "10.1.1.1"), Ok(60), "the host's own table wins");
        assert_eq!(ask(&config, KEY, HOST, "10.0.0.66"), Err(Denied::Address));
        assert_eq!(ask(&config, other, HOST, "127.0.0.1"), Err(Denied::UnknownKey(other)));
        assert_eq!(ask(&config, KEY, HOST, "192.168.1.1"), Err(Denied::KeyAddress(KEY)));
        assert_eq!(ask(&config, KEY, HOST, "10.9.1.1"), Err(Denied::MachineAddress));
        assert_eq!(ask(&config, KEY, OWN, "127.0.0.1"), Err(Denied::OwnHost));
        let mut careful = config.clone();
        careful.wants_certificate = true;
        assert_eq!(ask(&careful, KEY, other, "127.0.0.1"), Err(Denied::NoCertificate));
        let request = Request::new(KEY, other, "alpha");
        assert!(admit(&careful, &request, Peer::Unix, true, OWN).is_ok(), "a unix socket counts as localhost");
        let mut disabled = config.clone();
        disabled.api_keys.get_mut(&KEY).unwrap().enabled = false;
        assert_eq!(ask(&disabled, KEY, HOST, "127.0.0.1"), Err(Denied::KeyDisabled(KEY)));
        let mut disabled = config;
        disabled.machines.get_mut(&HOST).unwrap().enabled = false;
        assert_eq!(ask(&disabled, KEY, HOST, "127.0.0.1"), Err(Denied::MachineDisabled));
    }

    #[test]
    fn keys_are_not_shown_whole() {
        let shown = Denied::UnknownKey(Guid::from_bytes([0xab; 16])).to_string();
        assert!(shown.contains("abababab...") && !shown.contains("abababab-"), "{shown}");
    }
}
