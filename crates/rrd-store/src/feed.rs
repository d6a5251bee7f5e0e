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

/// The right to write the rows of one host, until another feed takes over or this one is dropped.
#[derive(Debug)]
pub struct Feed {
    host: Arc<Host>,
    generation: u64,
}

impl Feed {
    pub(crate) fn new(host: Arc<Host>, generation: u64) -> Self {
        Self { host, generation }
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Opens a writer, which holds the host's lock for one batch; `None` when another feed took over.
    pub fn writer(&mut self, now: Now) -> Option<Writer<'_>> {
        Writer::open(&self.host, self.generation, now)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.host.release(self.generation);
    }
}
