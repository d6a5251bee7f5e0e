//! Which parents are offered compression.
//!
//! Old parents exist that agree on a codec and then close at the first frames that they cannot
//! read. Such a parent is sent plain text for a while. What tells it from one that was merely
//! stopped: it closed early, and had asked for nothing, which a parent that reads does at once.

use protocol::Capabilities;

use crate::codec::Codec;

/// How long a parent is sent plain text then, in microseconds: an hour. Who replaced an old parent
/// finds its streams compressed again without doing anything.
const PLAIN_US: u64 = 3_600 * 1_000_000;
/// A parent that cannot read the first frames closes within this time, in microseconds.
const EARLY_US: u64 = 10_000_000;

/// How a compressed stream ended.
pub(super) struct Ending {
    /// How long it lasted, in microseconds.
    pub(super) lasted_us: u64,
    /// Whether the parent sent anything after the prompt.
    pub(super) was_heard: bool,
    /// Whether the parent closed it, or the connection broke.
    pub(super) by_parent: bool,
    /// Whether our own encoder gave up.
    pub(super) by_encoder: bool,
}

/// What is known about parents and compression.
pub(super) struct Compression {
    is_wanted: bool,
    /// Parents that are sent plain text, and until when.
    plain: Vec<(String, u64)>,
}

impl Compression {
    pub(super) fn new(is_wanted: bool) -> Self {
        Self { is_wanted, plain: Vec::new() }
    }

    /// What a parent is offered beside `own`.
    pub(super) fn offer(&self, own: Capabilities, parent: &str, now_us: u64) -> Capabilities {
        let is_plain = self.plain.iter().any(|(known, until_us)| known == parent && now_us < *until_us);
        if self.is_wanted && !is_plain { own.with(Codec::offered()) } else { own }
    }

    /// A compressed stream ended; `true` where its parent is sent plain text from now on.
    pub(super) fn ended(&mut self, parent: &str, ending: &Ending, now_us: u64) -> bool {
        let is_early = ending.by_parent && !ending.was_heard && ending.lasted_us < EARLY_US;
        if !is_early && !ending.by_encoder {
            return false;
        }
        self.plain.retain(|(known, until_us)| known != parent && now_us < *until_us);
        self.plain.push((parent.to_owned(), now_us + PLAIN_US));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Capabilities = Capabilities::CHILD;

    fn early() -> Ending {
        Ending { lasted_us: 50_000, was_heard: false, by_parent: true, by_encoder: false }
    }

    /// The goal: who closes at the first frames is sent plain text for an hour, and nobody else is.
    #[test]
    fn an_early_end_turns_it_off_for_an_hour() {
        let mut compression = Compression::new(true);
        assert!(compression.offer(OWN, "a", 0).has(Codec::Lz4.capability()));
        assert!(compression.ended("a", &early(), 1_000));
        assert_eq!(compression.offer(OWN, "a", 1_000 + PLAIN_US - 1), OWN);
        assert_ne!(compression.offer(OWN, "b", 1_000), OWN);
        assert_ne!(compression.offer(OWN, "a", 1_000 + PLAIN_US), OWN);
        assert!(compression.ended("a", &early(), 1_000 + PLAIN_US));
        assert_eq!(compression.plain.len(), 1);
    }

    /// The goal: other ends say nothing about compression, except that our encoder failed.
    #[test]
    fn other_ends_do_not() {
        let mut compression = Compression::new(true);
        for ending in [
            Ending { lasted_us: EARLY_US, ..early() },
            Ending { was_heard: true, ..early() },
            Ending { by_parent: false, ..early() },
        ] {
            assert!(!compression.ended("a", &ending, 1));
        }
        assert_ne!(compression.offer(OWN, "a", 2), OWN);
        assert!(compression.ended("a", &Ending { by_encoder: true, lasted_us: EARLY_US, ..early() }, 3));
        assert_eq!(Compression::new(false).offer(OWN, "b", 0), OWN);
    }
}
