//! The feed: the right to write a host's rows.
//!
//! One feed is in force per host. Claiming it anew takes it from whoever had it: late rows of a
//! replaced connection find their feed stale and commit nothing.

use std::sync::Arc;

use row::Now;

use crate::host::Host;
use crate::writer::Writer;

/// Where a host's rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeedKind {
    /// This node collects them; the writer's clock dates them.
    #[default]
    Local,
    /// A stream brings collected values and the time between them.
    Collected,
    /// A stream brings stored values and their seconds.
    Stored,
}

/// The right to write the rows of one host, until another feed takes over or this one, and all that
/// [share](Feed::share) it, are dropped.
#[derive(Debug)]
pub struct Feed {
    claim: Arc<Claim>,
}

/// What was claimed; given back when nobody holds it any more.
#[derive(Debug)]
struct Claim {
    host: Arc<Host>,
    generation: u64,
}

impl Feed {
    pub(crate) fn new(host: Arc<Host>, generation: u64) -> Self {
        Self { claim: Arc::new(Claim { host, generation }) }
    }

    /// The same right, for another part of this node that has rows of the host: writers take turns by the
    /// host's lock. A row must begin and end in one writer then.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { claim: Arc::clone(&self.claim) }
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.claim.host
    }

    /// Its number: that of the host while it is in force.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.claim.generation
    }

    /// Opens a writer, which holds the host's lock for one batch; `None` when another feed took over.
    pub fn writer(&mut self, now: Now) -> Option<Writer<'_>> {
        Writer::open(&self.claim.host, self.claim.generation, now)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.host.release(self.generation);
    }
}
