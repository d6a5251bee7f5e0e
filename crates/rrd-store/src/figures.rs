//! Counters of a host: what came in and what became of it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the node started. Each is added to once per batch, without order between them.
#[derive(Debug, Default)]
pub struct Figures {
    /// Collections and stored rows that were written.
    pub rows: Count,
    /// Values in them.
    pub samples: Count,
    /// Rows that brought nothing new, or were older than the history.
    pub rows_ignored: Count,
    /// Rows that were not taken because too many came late at once.
    pub rows_refused: Count,
    /// Rows that were dated [`AHEAD_S`](crate::AHEAD_S) or more ahead of this node's clock.
    pub rows_ahead: Count,
    /// Bytes that arrived for the host, as on the wire.
    pub received_bytes: Count,
    /// Bytes of text in them, which are more where the stream is compressed.
    pub received_text_bytes: Count,
    /// Bytes that were sent for it, as on the wire.
    pub sent_bytes: Count,
    /// Bytes of text in them, or about to follow.
    pub sent_text_bytes: Count,
    /// Streams for it that were accepted.
    pub streams_accepted: Count,
    /// Streams for it that were established towards a parent.
    pub streams_established: Count,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The number so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
