//! Sending: records to a backend, over one connection, on a thread that may wait.

mod lines;
mod web;

pub use lines::{Failure, Lines};
pub use web::{Framing, Web, WebConfig};

/// What was heard from a backend, since it was asked last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    /// Connections that were made; of requests only how they end is known.
    pub connections: u64,
    /// Answers,
    pub answers: u64,
    /// and their bytes, as far as they were read.
    pub answer_bytes: u64,
}
