//! Archiving: what other databases are given of the store: windows, text formats, queues, sending.
//!
//! ```text
//! host ─> Walk: charts copied under the lock, some at a time ─> Chart ─┬─> Prometheus: a page that is scraped
//!                                                                      └─> Backend: Writer ─> Records ─> Queue ─> Delivery ─> send
//! ```
//!
//! A [`Walk`] goes from chart to chart and reads of each what is asked for: the newest stored values, the newest
//! collected ones, or sums over a [`Span`] or a window. A format turns what it reads into text, appended to its caller's
//! buffer. Whoever wants a long text in pieces stops between two charts.
//!
//! A [`Backend`] is told windows: [`Progress`] knows of each chart up to when. Its batches wait in a [`Queue`], in
//! memory or on a disk, and a [`Delivery`] says what is sent when and what became of it; both are plain state machines.
//! `send` has the connections, for threads that may wait; a [`Ledger`] says what became of all of it.
#![forbid(unsafe_code)]

mod backend;
mod chart;
mod delivery;
mod format;
mod ledger;
#[cfg(test)]
mod model_tests;
mod names;
mod progress;
mod prometheus;
mod queue;
mod records;
pub mod send;
mod source;
mod span;
#[cfg(test)]
mod testing;
mod walk;

pub use backend::{Backend, BackendConfig, Turn};
pub use chart::{Chart, Dimension, Texts};
pub use delivery::{Delivered, Delivery, Outcome};
pub use format::{Format, FormatOptions, Writer};
pub use ledger::{Amount, Attempt, Figures, Ledger, Ledgers, Queued};
pub use names::{NAME_BYTES_MAX, old_units, write_label_value, write_name, write_units};
pub use progress::{Cut, PATIENCE_S, Progress, Rows};
pub use prometheus::{Prometheus, PrometheusOptions};
pub use queue::{Batch, DiskQueue, Lost, Queue, Waiting};
pub use records::Records;
pub use source::Source;
pub use span::Span;
pub use walk::{Order, Reading, Room, Walk};
