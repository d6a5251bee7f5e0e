//! The streams that are being received: one per host, and who may take the place of another.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use row::Guid;
use tokio_util::sync::CancellationToken;

use super::admission::{DuplicateGuid, Entrant};
use super::twin::{Likeness, Marks, derive};

/// A stream that was heard of within this time is alive: another child with its GUID is refused.
const ALIVE_US: u64 = 30_000_000;
/// Derived identities that are remembered as told to the log.
const TOLD_MAX: usize = 10_000;

/// All streams of the node.
#[derive(Debug, Default)]
pub(super) struct Streams {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    live: HashMap<Guid, Live>,
    /// When a stream was accepted last, by the monotonic clock.
    accepted_us: Option<u64>,
    /// Derived identities that the log knows of, and that are kept even if their host is forgotten.
    told: HashSet<Guid>,
}

/// A stream that is being received.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// What it was let in by.
    pub(super) entrant: Entrant,
    pub(super) marks: Marks,
    /// The monotonic clock when it was heard of last.
    pub(super) heard_us: Arc<AtomicU64>,
    pub(super) cut: CancellationToken,
}

/// A stream that asks for a place.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) guid: Guid,
    pub(super) entrant: Entrant,
    pub(super) marks: Marks,
    /// What becomes of a twin.
    pub(super) duplicates: DuplicateGuid,
    /// The least time between two streams.
    pub(super) every: Duration,
    pub(super) now_us: u64,
    /// Cuts it.
    pub(super) cut: CancellationToken,
}

/// A stream that has a place.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) live: Live,
    /// The GUID that it has here.
    pub(super) guid: Guid,
    /// That GUID is derived, and the log does not know it yet.
    pub(super) is_new_twin: bool,
}

/// Why a stream has none.
#[derive(Debug)]
pub(super) enum NoPlace {
    /// Too soon after another, in seconds that are still to go, rounded up.
    Busy(u64),
    /// Another stream is alive.
    Taken(Box<Marks>),
}

impl Streams {
    /// Notes a stream as the one of its host. The same machine on the same way replaces its older
    /// connection at once. A twin is given an identity of its own, or waits, as does who cannot be
    /// told apart, until the older stream is silent. `knows` tells whether a host is here already.
    pub(super) fn enter(&self, asked: Asked, knows: impl Fn(Guid) -> bool) -> Result<Entered, NoPlace> {
        let Asked { guid, entrant, mut marks, duplicates, every, now_us, cut } = asked;
        let mut inner = self.lock();
        inner.check_pace(every, now_us)?;
        let derives = duplicates == DuplicateGuid::Derive;
        let before = marks.derived_from(guid).into_iter().find(|derived| {
            let is_known = inner.told.contains(derived) || inner.live.contains_key(derived) || knows(*derived);
            derives && is_known
        });
        let place = match before {
            Some(derived) => derived,
            None => match inner.likeness(guid, &marks, now_us) {
                Likeness::Twin(difference) if derives => derive(guid, &difference),
                _ => guid,
            },
        };
        if let Some(old) = inner.live.get(&place) {
            if inner.likeness(place, &marks, now_us) != Likeness::Same {
                return Err(NoPlace::Taken(Box::new(old.marks.clone())));
            }
            old.cut.cancel();
            marks.replace(old.marks.clone());
        }
        let live = Live { entrant, marks, heard_us: Arc::new(AtomicU64::new(now_us)), cut };
        inner.live.insert(place, live.clone());
        inner.accepted_us = Some(now_us);
        let is_new_twin = place != guid && inner.told.len() < TOLD_MAX && inner.told.insert(place);
        Ok(Entered { live, guid: place, is_new_twin })
    }

    /// Cuts the streams that `denied` picks, by the GUID that they have here.
    pub(super) fn cut_if(&self, denied: impl Fn(Guid, &Entrant) -> bool) {
        let inner = self.lock();
        let picked = inner.live.iter().filter(|(guid, live)| denied(**guid, &live.entrant));
        picked.for_each(|(_, live)| live.cut.cancel());
    }

    /// A stream ended, unless another has its place already.
    pub(super) fn leave(&self, guid: Guid, live: &Live) {
        let mut inner = self.lock();
        if inner.live.get(&guid).is_some_and(|other| Arc::ptr_eq(&other.heard_us, &live.heard_us)) {
            inner.live.remove(&guid);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn check_pace(&self, every: Duration, now_us: u64) -> Result<(), NoPlace> {
        let Some(accepted_us) = self.accepted_us else { return Ok(()) };
        let wait_us = (accepted_us + every.as_micros() as u64).saturating_sub(now_us);
        if wait_us > 0 { Err(NoPlace::Busy(wait_us.div_ceil(1_000_000))) } else { Ok(()) }
    }

    /// What a stream is to the one that has the place; a silent one makes way for anybody.
    fn likeness(&self, guid: Guid, marks: &Marks, now_us: u64) -> Likeness {
        let Some(old) = self.live.get(&guid) else { return Likeness::Same };
        let silent_us = now_us.saturating_sub(old.heard_us.load(Ordering::Relaxed));
        match old.marks.compare(marks) {
            Likeness::Unclear if silent_us > ALIVE_US => Likeness::Same,
            Likeness::Twin(_) if silent_us > ALIVE_US => Likeness::Same,
            likeness => likeness,
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::Request;
    use socket::Peer;

    use super::*;

    const GUID: Guid = Guid::from_bytes([1; 16]);

    fn asked(fingerprint: &str, second: u64, duplicates: DuplicateGuid) -> Asked {
        let mut request = Request::new(GUID, GUID, "a");
        request.fingerprint = Some(fingerprint.into());
        let marks = Marks::new(&request, Peer::Unix);
        let entrant = Entrant { key: GUID, machine_guid: GUID, peer: Peer::Unix, is_certified: false };
        let (every, now_us, cut) = (Duration::ZERO, second * 1_000_000, CancellationToken::new());
        Asked { guid: GUID, entrant, marks, duplicates, every, now_us, cut }
    }

    /// The goal: a hundred clones of one image are a hundred hosts, each the same when it comes
    /// back, also where only the store remembers it, and each told to the log once.
    #[test]
    fn clones_are_given_identities() {
        let streams = Streams::default();
        let enter = |clone: u32, known: &[Guid]| {
            streams.enter(asked(&format!("f{clone}"), 1, DuplicateGuid::Derive), |guid| known.contains(&guid)).unwrap()
        };
        let first: Vec<_> = (0..100).map(|clone| enter(clone, &[])).collect();
        let guids: Vec<_> = first.iter().map(|entered| entered.guid).collect();
        assert_eq!(guids[0], GUID);
        assert_eq!(guids.iter().collect::<HashSet<_>>().len(), 100);
        assert_eq!(first.iter().filter(|entered| entered.is_new_twin).count(), 99);
        for clone in 0..100 {
            let again = enter(clone, &[]);
            assert_eq!((again.guid, again.is_new_twin), (guids[clone as usize], false));
            assert!(first[clone as usize].live.cut.is_cancelled(), "its older connection is cut");
            streams.leave(again.guid, &again.live);
        }
        // Nobody is connected: who had a derived identity keeps it, and does not take the first's.
        assert_eq!(enter(7, &guids).guid, guids[7]);
        assert_eq!(enter(0, &guids).guid, GUID);
    }

    /// The goal: where twins are refused, the second waits until the first is silent.
    #[test]
    fn twins_may_be_refused() {
        let streams = Streams::default();
        let enter = |fingerprint, second| streams.enter(asked(fingerprint, second, DuplicateGuid::Refuse), |_| true);
        let first = enter("f", 0).unwrap();
        assert!(matches!(enter("g", 30), Err(NoPlace::Taken(_))));
        assert!(!first.live.cut.is_cancelled());
        let second = enter("g", 31).unwrap();
        assert!(first.live.cut.is_cancelled() && second.guid == GUID);
        streams.leave(GUID, &first.live);
        assert!(matches!(enter("f", 32), Err(NoPlace::Taken(_))), "what ends late takes nothing with it");
    }

    /// The goal: streams are accepted no faster than settings say, and a refusal does not count.
    #[test]
    fn streams_are_accepted_at_a_pace() {
        let streams = Streams::default();
        let enter = |second| {
            let every = Duration::from_secs(10);
            streams.enter(Asked { every, ..asked("f", second, DuplicateGuid::Derive) }, |_| false)
        };
        assert!(enter(100).is_ok(), "the first one never waits");
        assert!(matches!(enter(103), Err(NoPlace::Busy(7))));
        assert!(matches!(enter(109), Err(NoPlace::Busy(1))));
        assert!(enter(110).is_ok());
    }
}
