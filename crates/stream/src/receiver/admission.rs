//! Admission: which streams are taken, and how their hosts are kept.
//!
//! Checks in the order in which older parents make them; the answer to a child never tells which
//! one it failed, our log does. Keys appear in the log with their first eight characters only, and
//! are compared in a time that does not depend on how much of one is right.
//!
//! Settings may be exchanged while streams run: each of them is asked about again then.

use std::collections::HashMap;
use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use patterns::SimplePattern;
use protocol::{Refusal, Request};
use row::Guid;
use rrd_store::{AlarmPolicy, Keep, MemoryMode};
use socket::Peer;

use crate::codec::Codec;
use crate::shown::Shortened;

/// Who may stream to this node.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses that may stream at all.
    pub allow_streaming_from: SimplePattern,
    /// The least time between two streams that are accepted; zero: none.
    pub accept_every: Duration,
    /// Whether a child over the network must have shown a certificate.
    pub wants_certificate: bool,
    /// This node watches its hosts, and says which alarms it holds once it knows.
    pub watches_alarms: bool,
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
    /// How they are watched for alarms.
    pub alarms: AlarmPolicy,
    /// What becomes of a second machine under one GUID.
    pub duplicate_guid: DuplicateGuid,
    /// How long small reads are gathered.
    pub pace: Duration,
    /// Codecs that its children are asked for, the first they know; none: they send plain text.
    pub compression: Vec<Codec>,
    /// Where its hosts are streamed on to.
    #[cfg(feature = "sender")]
    pub forward: Option<std::sync::Arc<crate::sender::Config>>,
}

/// What becomes of a second machine under one GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuplicateGuid {
    /// It is given an identity derived from its own.
    Derive,
    /// It is refused.
    Refuse,
}

/// What is set for one host; it wins over the API key.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Whether the host may stream here.
    pub enabled: bool,
    /// Addresses that it may stream from; `None`: as its API key says.
    pub allow_from: Option<SimplePattern>,
    /// How it is kept.
    pub mode: Option<MemoryMode>,
    /// How many rows are kept.
    pub history_rows: Option<u32>,
    /// Whether it is watched for alarms.
    pub alarms: Option<bool>,
}

/// Who asks to stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entrant {
    pub(super) key: Guid,
    /// What the host says it is.
    pub(super) machine_guid: Guid,
    pub(super) peer: Peer,
    /// Whether it has shown a certificate, or need not.
    pub(super) is_certified: bool,
}

/// A stream that may enter.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    pub(super) keep: Keep,
    pub(super) ephemeral: Option<bool>,
    pub(super) alarms: AlarmPolicy,
    pub(super) duplicate_guid: DuplicateGuid,
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
    WasHere,
    TooFar(u16),
}

impl Denied {
    /// What the child is told.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Address => Refusal::AddressNotAllowed,
            Self::OwnHost | Self::WasHere | Self::TooFar(_) => Refusal::SameLocalhost,
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
            Self::WasHere => f.write_str("it comes back: on its way here it passed this node already"),
            Self::TooFar(hops) => {
                write!(f, "it has passed {hops} nodes, more than {HOPS_TAKEN_MAX}: its way seems to be a circle")
            }
        }
    }
}

/// Hops of a stream that is taken, at most. Where nodes between ours do not tell the way, a circle
/// would add to them for ever.
const HOPS_TAKEN_MAX: u16 = 32;

/// Whether the way of a stream leads in a circle, at the node with the GUID `own`.
pub(super) fn check_way(request: &Request, own: Guid) -> Result<(), Denied> {
    if request.machine_guid == own {
        Err(Denied::OwnHost)
    } else if request.path.contains(&own) {
        Err(Denied::WasHere)
    } else if request.hops > HOPS_TAKEN_MAX {
        Err(Denied::TooFar(request.hops))
    } else {
        Ok(())
    }
}

/// Decides who may stream, and how its host is kept.
pub(super) fn admit(config: &Config, entrant: &Entrant) -> Result<Admitted, Denied> {
    let Entrant { key: asked, machine_guid, peer, is_certified } = *entrant;
    if !peer.is_allowed_by(&config.allow_streaming_from) {
        return Err(Denied::Address);
    }
    if config.wants_certificate && !is_certified {
        return Err(Denied::NoCertificate);
    }
    let key = config.api_key(asked).ok_or(Denied::UnknownKey(asked))?;
    if !key.enabled {
        return Err(Denied::KeyDisabled(asked));
    }
    let machine = config.machines.get(&machine_guid);
    match machine.and_then(|machine| machine.allow_from.as_ref()) {
        Some(allow_from) if !peer.is_allowed_by(allow_from) => return Err(Denied::MachineAddress),
        None if !peer.is_allowed_by(&key.allow_from) => return Err(Denied::KeyAddress(asked)),
        _ => {}
    }
    let (mut keep, mut alarms) = (key.keep, key.alarms);
    if let Some(machine) = machine {
        if !machine.enabled {
            return Err(Denied::MachineDisabled);
        }
        keep.mode = machine.mode.unwrap_or(keep.mode);
        keep.history_rows = machine.history_rows.unwrap_or(keep.history_rows);
        alarms.enabled = machine.alarms.or(alarms.enabled);
    }
    Ok(Admitted {
        keep,
        ephemeral: key.ephemeral,
        alarms,
        duplicate_guid: key.duplicate_guid,
        pace: key.pace,
        compression: key.compression.clone(),
        #[cfg(feature = "sender")]
        forward: key.forward.clone(),
    })
}

impl Config {
    /// The API key that is asked for. All are compared, and each to its end: how long it takes tells
    /// nothing of them but their number.
    fn api_key(&self, asked: Guid) -> Option<&ApiKey> {
        let keys = self.api_keys.iter();
        keys.fold(None, |found, (key, settings)| if is_same(*key, asked) { Some(settings) } else { found })
    }
}

/// Whether two secrets are the same, in the same time whatever they are.
fn is_same(one: Guid, other: Guid) -> bool {
    let pairs = one.as_bytes().iter().zip(other.as_bytes());
    black_box(pairs.fold(0, |difference, (one, other)| black_box(difference | (one ^ other)))) == 0
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
            alarms: AlarmPolicy::default(),
            duplicate_guid: DuplicateGuid::Derive,
            pace: Duration::ZERO,
            compression: Codec::BUILT.to_vec(),
            #[cfg(feature = "sender")]
            forward: None,
        };
        let machine = Machine {
            enabled: true,
            allow_from: Some(SimplePattern::new("!10.9.* 10.* 172.16.0.1")),
            mode: None,
            history_rows: Some(60),
            alarms: None,
        };
        Config {
            allow_streaming_from: SimplePattern::new("!10.0.0.66 *"),
            accept_every: Duration::ZERO,
            watches_alarms: false,
            wants_certificate: false,
            api_keys: HashMap::from([(KEY, key)]),
            machines: HashMap::from([(HOST, machine)]),
        }
    }

    fn ask(config: &Config, key: Guid, host: Guid, peer: &str) -> Result<u32, Denied> {
        let peer = Peer::Tcp(std::net::SocketAddr::new(peer.parse().unwrap(), 1));
        admit(config, &Entrant { key, machine_guid: host, peer, is_certified: false })
            .map(|admitted| admitted.keep.history_rows)
    }

    #[test]
    fn each_check_denies_for_its_own_reason() {
        let config = config();
        let other = Guid::from_bytes([9; 16]);
        assert_eq!(ask(&config, KEY, other, "127.0.0.1"), Ok(3_600));
        assert_eq!(ask(&config, KEY, HOST, "10.1.1.1"), Ok(60), "the host's own table wins");
        assert_eq!(ask(&config, KEY, HOST, "10.0.0.66"), Err(Denied::Address));
        assert_eq!(ask(&config, other, HOST, "127.0.0.1"), Err(Denied::UnknownKey(other)));
        assert_eq!(ask(&config, KEY, other, "192.168.1.1"), Err(Denied::KeyAddress(KEY)));
        assert_eq!(ask(&config, KEY, other, "172.16.0.1"), Err(Denied::KeyAddress(KEY)));
        assert_eq!(ask(&config, KEY, HOST, "172.16.0.1"), Ok(60), "its own list wins over the key's");
        assert_eq!(ask(&config, KEY, HOST, "127.0.0.1"), Err(Denied::MachineAddress), "both ways");
        assert_eq!(ask(&config, KEY, HOST, "10.9.1.1"), Err(Denied::MachineAddress));
        let mut careful = config.clone();
        careful.wants_certificate = true;
        assert_eq!(ask(&careful, KEY, other, "127.0.0.1"), Err(Denied::NoCertificate));
        let entrant = Entrant { key: KEY, machine_guid: other, peer: Peer::Unix, is_certified: true };
        assert!(admit(&careful, &entrant).is_ok(), "a unix socket counts as localhost");
        let mut disabled = config.clone();
        disabled.api_keys.get_mut(&KEY).unwrap().enabled = false;
        assert_eq!(ask(&disabled, KEY, HOST, "127.0.0.1"), Err(Denied::KeyDisabled(KEY)));
        let mut disabled = config;
        disabled.machines.get_mut(&HOST).unwrap().enabled = false;
        assert_eq!(ask(&disabled, KEY, HOST, "10.0.0.1"), Err(Denied::MachineDisabled));
    }

    /// The goal: a host that would come back, or that has been under way for ever, is told apart
    /// from one that is merely far away.
    #[test]
    fn circles_are_noticed() {
        let mut request = Request::new(KEY, HOST, "alpha");
        request.path = vec![HOST, KEY];
        request.hops = HOPS_TAKEN_MAX;
        assert_eq!(check_way(&request, OWN), Ok(()));
        request.hops += 1;
        assert_eq!(check_way(&request, OWN), Err(Denied::TooFar(33)));
        request.path.push(OWN);
        assert_eq!(check_way(&request, OWN), Err(Denied::WasHere));
        request.machine_guid = OWN;
        let denied = check_way(&request, OWN).unwrap_err();
        assert_eq!((denied, denied.refusal()), (Denied::OwnHost, Refusal::SameLocalhost));
    }

    /// The goal: a key that differs in one bit, wherever it is, is another key.
    #[test]
    fn keys_are_compared_to_the_last_bit() {
        assert!(is_same(KEY, KEY));
        for bit in 0..128 {
            let mut bytes = *KEY.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_same(KEY, Guid::from_bytes(bytes)), "{bit}");
        }
    }

    #[test]
    fn keys_are_not_shown_whole() {
        let shown = Denied::UnknownKey(Guid::from_bytes([0xab; 16])).to_string();
        assert!(shown.contains("abababab...") && !shown.contains("abababab-"), "{shown}");
    }
}
