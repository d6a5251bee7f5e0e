//! Sending: records to a backend, over one connection, on a thread that may wait.

mod lines;

pub use lines::Lines;
