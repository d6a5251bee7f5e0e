//! Twins: machines under one GUID, as images make them that were copied with the GUID in them.
//!
//! Our own children tell a fingerprint of their machine and a boot id; what tells two of them apart
//! is the first that differs of fingerprint, host name and boot id. The second machine is known by
//! a GUID that is derived from the GUID and from that, so it is the same after every restart; what
//! had to be derived from a boot id is another after the next boot. A child that tells nothing of
//! itself is the same machine coming back where its address and its name are the same; anything
//! else cannot be told apart.

use protocol::Request;
use row::Guid;
use socket::Peer;

/// Boot ids that are remembered of a machine, to notice two that look alike but for those.
const BOOTS_MAX: usize = 8;

/// What a stream says of its machine, and whence it comes.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    pub(super) hostname: String,
    pub(super) peer: Peer,
    fingerprint: Option<String>,
    boot_id: Option<String>,
    hops: u16,
    /// Boot ids of connections that this one replaced: a machine never goes back to one.
    past_boots: Vec<String>,
}

/// What a new stream is to one that is alive under the same GUID.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// The same machine, coming back on the same way.
    Same,
    /// Another machine; the text tells it from the first.
    Twin(String),
    /// Another way to the host, or a machine that does not tell what it is.
    Unclear,
}

impl Marks {
    pub(super) fn new(request: &Request, peer: Peer) -> Self {
        let told = |text: &Option<String>| text.clone().filter(|text| !text.is_empty() && text != "unknown");
        Self {
            hostname: request.hostname.clone(),
            peer,
            fingerprint: told(&request.fingerprint),
            boot_id: told(&request.boot_id),
            hops: request.hops,
            past_boots: Vec::new(),
        }
    }

    /// What `new` is, while the stream with these marks is alive.
    pub(super) fn compare(&self, new: &Self) -> Likeness {
        let told = |old: &Option<String>, new: &Option<String>| old.is_some() && new.is_some();
        let at_home = self.hostname == new.hostname && self.peer.is_where(new.peer);
        if self.hops != new.hops {
            Likeness::Unclear
        } else if told(&self.fingerprint, &new.fingerprint) && self.fingerprint != new.fingerprint {
            Likeness::Twin(new.by_fingerprint())
        } else if !told(&self.fingerprint, &new.fingerprint) && !told(&self.boot_id, &new.boot_id) {
            if at_home { Likeness::Same } else { Likeness::Unclear }
        } else if self.hostname != new.hostname {
            Likeness::Twin(new.by_hostname())
        } else if !told(&self.boot_id, &new.boot_id) || self.boot_id == new.boot_id {
            Likeness::Same
        } else if at_home && !new.boot_id.as_ref().is_some_and(|boot_id| self.past_boots.contains(boot_id)) {
            // It was started anew so quickly that its old connection still seems to live.
            Likeness::Same
        } else {
            Likeness::Twin(new.by_boot())
        }
    }

    /// Takes the place of `old`.
    pub(super) fn replace(&mut self, old: Self) {
        self.past_boots = old.past_boots;
        if let Some(boot_id) = old.boot_id.filter(|boot_id| self.boot_id.as_ref() != Some(boot_id)) {
            self.past_boots.truncate(BOOTS_MAX - 1);
            self.past_boots.insert(0, boot_id);
        }
    }

    /// The identities that this machine may have been given before.
    pub(super) fn derived_from(&self, guid: Guid) -> [Guid; 3] {
        [self.by_fingerprint(), self.by_hostname(), self.by_boot()].map(|difference| derive(guid, &difference))
    }

    fn by_fingerprint(&self) -> String {
        format!("fingerprint {}", self.fingerprint.as_deref().unwrap_or_default())
    }

    fn by_hostname(&self) -> String {
        format!("{} hostname {}", self.by_fingerprint(), self.hostname)
    }

    fn by_boot(&self) -> String {
        format!("{} boot {}", self.by_hostname(), self.boot_id.as_deref().unwrap_or_default())
    }
}

/// The GUID of the machine that `difference` tells from the one that has `guid`: a UUID of version
/// 8, made with FNV-1a of 128 bits, which stays as it is from one release to the next.
pub(super) fn derive(guid: Guid, difference: &str) -> Guid {
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = guid.as_bytes().iter().copied().chain(difference.bytes());
    let hash = bytes.fold(START, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    let mut bytes = hash.to_be_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Guid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: Guid = Guid::from_bytes([1; 16]);

    fn marks(hostname: &str, address: &str, fingerprint: &str, boot_id: &str) -> Marks {
        let mut request = Request::new(GUID, GUID, hostname);
        request.fingerprint = Some(fingerprint.into());
        request.boot_id = Some(boot_id.into());
        Marks::new(&request, Peer::Tcp(format!("{address}:1").parse().unwrap()))
    }

    /// The goal: who comes back is known again, a clone is told from it, a stranger is neither.
    #[test]
    fn machines_are_told_apart() {
        let old = marks("a", "10.0.0.1", "f", "b");
        let twin = |marks: Marks| matches!(old.compare(&marks), Likeness::Twin(_));
        assert_eq!(old.compare(&marks("a", "10.0.0.9", "f", "b")), Likeness::Same, "its address changed");
        assert_eq!(old.compare(&marks("a", "10.0.0.1", "f", "c")), Likeness::Same, "it was started anew");
        assert!(twin(marks("a", "10.0.0.1", "g", "b")));
        assert!(twin(marks("b", "10.0.0.1", "f", "b")));
        assert!(twin(marks("a", "10.0.0.2", "f", "c")));
        let mut far = marks("a", "10.0.0.1", "f", "b");
        far.hops = 2;
        assert_eq!(old.compare(&far), Likeness::Unclear);
        // An agent that tells nothing of itself, or `unknown`.
        let silent = marks("a", "10.0.0.1", "", "unknown");
        assert_eq!(silent.compare(&marks("a", "10.0.0.1", "", "")), Likeness::Same);
        assert_eq!(silent.compare(&marks("a", "10.0.0.2", "", "")), Likeness::Unclear);
        assert_eq!(silent.compare(&marks("b", "10.0.0.1", "f", "b")), Likeness::Unclear);
    }

    /// The goal: two clones that differ in nothing but their boot are noticed when the first comes
    /// back with a boot that was over.
    #[test]
    fn a_boot_does_not_come_back() {
        let first = marks("a", "10.0.0.1", "f", "b1");
        let mut second = marks("a", "10.0.0.1", "f", "b2");
        assert_eq!(first.compare(&second), Likeness::Same);
        second.replace(first.clone());
        assert!(matches!(second.compare(&first), Likeness::Twin(_)));
        for boot in 0..100 {
            let mut next = marks("a", "10.0.0.1", "f", &boot.to_string());
            next.replace(second);
            assert!(next.past_boots.len() <= BOOTS_MAX);
            second = next;
        }
    }

    /// The goal: derived identities are stable from release to release, differ, and are UUIDs.
    #[test]
    fn derived_identities_are_stable() {
        let derived = derive(GUID, "fingerprint f");
        assert_eq!(derived.to_string(), "f080051e-8def-842b-9a55-2853428044c5");
        assert_ne!(derived, derive(GUID, "fingerprint g"));
        assert_ne!(derived, derive(Guid::from_bytes([2; 16]), "fingerprint f"));
        assert_eq!(marks("a", "10.0.0.1", "f", "b").derived_from(GUID)[0], derived);
    }
}
