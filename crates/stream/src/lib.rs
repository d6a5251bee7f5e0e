//! Streaming: a host's rows to a parent, and from children.
//!
//! ```text
//! child ── socket ──> receiver: codec, session ──> feed, writer ──> host
//! parent <── socket ── sender: codec, session, replay <── tap <──── host
//! ```
//!
//! Both sides run on a [`lane`]: a thread with a runtime of its own, on which a host lives with
//! its receiver and its sender. The rules of a stream ([`receiver`]'s session, the sender's tap and
//! replay, [`back_off`]) are plain state machines that take bytes and time as arguments; the
//! connections around them are thin.
#![forbid(unsafe_code)]

#[cfg(feature = "sender")]
pub mod back_off;
#[cfg(any(feature = "receiver", feature = "sender"))]
pub mod codec;
#[doc(hidden)]
#[cfg(all(any(test, feature = "fuzzing"), feature = "receiver", feature = "sender"))]
pub mod fuzzing;
mod host_info;
pub mod lane;
#[cfg(all(test, feature = "receiver", feature = "sender"))]
#[allow(clippy::unwrap_used, reason = "test code")]
mod link_tests;
#[cfg(any(feature = "receiver", feature = "sender"))]
mod loss;
#[cfg(feature = "receiver")]
pub mod receiver;
#[cfg(feature = "sender")]
pub mod sender;
mod shown;
#[cfg(test)]
#[allow(dead_code, reason = "the tests of one side alone need a part of it")]
mod testing;

/// The target of the log events that are lines of the access log: one per connection, one per
/// disconnect.
pub const ACCESS: &str = "access";

/// Reads both clocks.
pub type Clock = fn() -> row::Now;
