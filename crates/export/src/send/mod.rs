//! Sending: records to a backend, over one connection, on a thread that may wait.

mod lines;
mod web;

pub use lines::{Failure, Lines};
pub use web::{Framing, Web, WebConfig};
