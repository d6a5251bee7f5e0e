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

mod chart;
mod names;
mod prometheus;
mod source;
mod span;
mod walk;

pub use chart::{Chart, Dimension};
pub use names::{NAME_BYTES_MAX, old_units, write_label_value, write_name, write_units};
pub use prometheus::{Prometheus, PrometheusOptions};
pub use source::Source;
pub use span::Span;
pub use walk::{Order, Reading, Walk};
