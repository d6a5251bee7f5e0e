//! One connection, whatever carries it: TCP, a unix socket, or TLS over one of them.
//!
//! ```text
//! who uses it ── Socket ──┬── TCP or unix socket
//!                         └── TLS session (rustls), only where TLS is spoken
//! ```
//!
//! Streams wait until a [`Socket`] is ready and then try to read and write, so that many share one
//! buffer; the API uses it as an asynchronous reader and writer. Both see plain bytes. A plain
//! connection carries no TLS state but an empty pointer.
//!
//! [`destination`] reads where a connection goes. [`client`] encrypts towards a parent and decides whom to trust, [`server`] towards children.
//! Which names and keys are used is the settings', who may enter is the door's and the stream's.
//! Left out: early data, resumption (a stream lasts for days), revocation lists, ALPN.
#![forbid(unsafe_code)]

#[cfg(feature = "tls-client")]
pub mod client;
#[cfg(not(feature = "tls-client"))]
#[path = "client_absent.rs"]
pub mod client;
pub mod destination;
mod failure;
mod peer;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "tls-server")]
pub mod server;
#[cfg(not(feature = "tls-server"))]
#[path = "server_absent.rs"]
pub mod server;
#[cfg(feature = "tls")]
mod session;
mod stream;
#[cfg(all(test, feature = "tls-client", feature = "tls-server"))]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests;

pub use failure::{FileError, TlsError};
pub use peer::Peer;
pub use stream::{Parked, Socket};
