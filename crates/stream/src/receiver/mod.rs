//! The receiver: takes streams from children.
//!
//! [`Receiver::take`] is what the door hands a connection to: it reads the request, asks
//! `admission` who that is and `streams` whether its host has a place (a machine that has the GUID of
//! another is a `twin`), answers a refusal, or hands socket and host to the host's lane. There
//! the stream is `open`: it reads, the codec unpacks, and the `session` turns commands into rows of the
//! host.

mod admission;
pub(crate) mod connection;
pub(crate) mod functions;
pub(crate) mod open;
mod pace;
mod replication;
pub(crate) mod session;
mod streams;
mod twin;

pub use admission::{ApiKey, Config, DuplicateGuid, Machine};
pub use connection::Receiver;
