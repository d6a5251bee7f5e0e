//! The sender: streams one host to a parent.
//!
//! A `tap` on the host turns each row into text as it is written; the `session` takes what was
//! gathered and lets `replay` answer a parent that asks for the past; the `connection` finds the
//! parent, and writes the text in one piece, which the `outbox` makes smaller.
//! Between connections the tap is silent: what the parent missed it asks for again.

mod calls;
mod compression;
mod connect;
pub(crate) mod connection;
mod outbox;
mod replay;
pub(crate) mod session;
mod tap;

use std::sync::Arc;
use std::time::Duration;

use patterns::SimplePattern;
use row::Guid;
use rrd_store::Host;
use socket::client::Connector;
use tokio_util::sync::CancellationToken;

use crate::Clock;
use socket::destination::Destination;

/// Where and how a host is streamed.
#[derive(Debug, Clone)]
pub struct Config {
    /// Parents, tried in this order.
    pub destinations: Vec<Destination>,
    /// The API key.
    pub api_key: Guid,
    /// How long connecting, the handshake, or a parent that reads nothing may take.
    pub timeout: Duration,
    /// About how long to wait between attempts.
    pub reconnect_delay: Duration,
    /// About how often a stream to a later destination looks whether an earlier one answers again;
    /// zero: never, the list begins anew when the stream ends.
    pub return_after: Duration,
    /// Encrypts for the destinations that want it.
    pub tls: Arc<Connector>,
    /// Charts to send, by id or name.
    pub send_charts_matching: SimplePattern,
    /// Bytes of text that may wait for the parent.
    pub buffer_bytes: usize,
    /// Whether the stream may be compressed.
    pub compression: bool,
    /// Bytes of text that ZSTD remembers; the parent must do the same.
    pub compression_window_bytes: u32,
    /// This node watches its hosts, and wants to know which alarms its parents hold.
    pub asks_alarms: bool,
}

/// Streams a host until `stop`, or until it leaves its store: whenever somebody feeds it, a parent is sought.
pub async fn run(host: Arc<Host>, config: Arc<Config>, clock: Clock, stop: CancellationToken) {
    connection::Connection::new(host, config, clock, stop).run().await;
}
