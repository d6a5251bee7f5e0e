//! Archiving: what other databases are given of the store, and their text formats.
//!
//! ```text
//! host ─> Walk: charts copied under the lock, some at a time ─> Chart: texts, values of a window ─> Prometheus
//! ```
//!
//! A [`Walk`] goes from chart to chart and reads of each what a [`Reading`] asks for: the newest stored values, the
//! newest collected ones, or sums over a [`Span`]. A format turns what it reads into text, appended to its
//! caller's buffer. Whoever wants a long text in pieces stops between two charts.
#![forbid(unsafe_code)]

mod backend;
mod chart;
mod delivery;
mod format;
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
pub use chart::{Chart, Dimension};
pub use delivery::{Delivered, Delivery, Outcome};
pub use format::{Format, FormatOptions, Writer};
pub use names::{NAME_BYTES_MAX, old_units, write_label_value, write_name, write_units};
pub use progress::{PATIENCE_S, Progress, Rows};
pub use prometheus::{Prometheus, PrometheusOptions};
pub use queue::{Batch, DiskQueue, Lost, Queue, Waiting};
pub use records::Records;
pub use source::Source;
pub use span::Span;
pub use walk::{Order, Reading, Walk};
