//! Counters of a host: what came in and what became of it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

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
    /// Those among them that came again, after the first one.
    pub streams_accepted_again: Count,
    /// Streams for it that were established towards a parent.
    pub streams_established: Count,
    /// Those among them that were established again.
    pub streams_established_again: Count,
    /// Rows of the past among those that were written, which a child sent because we asked.
    pub rows_replicated: Count,
    /// Rows that we asked a child for and that it does not have any more.
    pub rows_lost: Count,
    /// Rows that were sent, those of the past included.
    pub sent_rows: Count,
    /// Rows of the past that a parent asked for and was sent.
    pub sent_rows_replicated: Count,
    /// Rows that a parent has missed and will not get: they left our history before it asked.
    pub sent_rows_lost: Count,
    /// Streams for it that are being received: 0 or, while one replaces another, 2.
    pub receiving: Level,
    /// Streams for it that are being sent.
    pub sending: Level,
    /// The second of the newest row that was sent; 0 without one.
    pub sent_newest_s: Level,
    /// The disk refuses its rows: 1 while it does.
    pub unsaved: Level,
}

impl Figures {
    /// A stream was accepted.
    pub fn accept_stream(&self) {
        self.streams_accepted_again.add(self.streams_accepted.get().min(1));
        self.streams_accepted.add(1);
    }

    /// A stream was established.
    pub fn establish_stream(&self) {
        self.streams_established_again.add(self.streams_established.get().min(1));
        self.streams_established.add(1);
    }

    /// Adds the counts of another host; levels are of the moment, and stay.
    pub(crate) fn absorb(&self, other: &Self) {
        for (count, of_other) in self.counts().into_iter().zip(other.counts()) {
            count.add(of_other.get());
        }
    }

    fn counts(&self) -> [&Count; 17] {
        [
            &self.rows,
            &self.samples,
            &self.rows_ignored,
            &self.rows_refused,
            &self.received_bytes,
            &self.received_text_bytes,
            &self.sent_bytes,
            &self.sent_text_bytes,
            &self.streams_accepted,
            &self.streams_accepted_again,
            &self.streams_established,
            &self.streams_established_again,
            &self.rows_replicated,
            &self.rows_lost,
            &self.sent_rows,
            &self.sent_rows_replicated,
            &self.sent_rows_lost,
        ]
    }
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

/// A number of the moment.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    /// Adds `more`, which may be negative.
    pub fn add(&self, more: i64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What all hosts together received and sent, also those that have left since.
#[derive(Debug, Default)]
pub struct Totals {
    /// All counts. Levels are sums, but for `sent_newest_s`, which is 0.
    pub figures: Figures,
    /// Of the hosts that are being received: how old the newest row of the most behind one is, in
    /// seconds; 0 without one.
    pub lag_s: i64,
    /// Of those that are being sent: how far the newest row that was sent is behind the newest one here.
    pub sent_lag_s: i64,
}
