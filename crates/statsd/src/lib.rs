//! Metrics that programs send, in the format of statsd.
//!
//! Programs of this machine send lines to a port of the loopback interface, by UDP or TCP; each metric
//! becomes a chart of the node's own host, with a row per update every.
//!
//! ```text
//! sockets ─> line: name, kind, value ─> Metrics: what came since the last flush ─> a host's feed and writer
//! ```
//!
//! A port is open to every user of the machine. So metrics, their values within an interval, bytes within an
//! interval, connections and lines have limits; what is beyond them is left out and told once.
#![forbid(unsafe_code)]

mod charts;
mod line;
mod metrics;
mod server;
mod summary;
#[cfg(test)]
mod tests;

use patterns::SimplePattern;

pub use server::run;

/// What to take.
#[derive(Debug, Clone)]
pub struct Config {
    /// Seconds between rows.
    pub update_every_s: u32,
    /// The port of the loopback interface.
    pub port: u16,
    /// Names of metrics to take.
    pub metrics: SimplePattern,
    /// Metrics to keep.
    pub metrics_max: usize,
    /// Whether tags become labels.
    pub labels: bool,
}

/// Reads both clocks.
pub type Clock = fn() -> row::Now;

/// Takes lines and writes their rows. For tests that have anything sent.
#[doc(hidden)]
pub fn take(config: Config, feed: &mut rrd_store::Feed, text: &[u8], now: row::Now) {
    let mut metrics = metrics::Metrics::new(config);
    metrics.take(text, now);
    metrics.flush(feed, now);
}
