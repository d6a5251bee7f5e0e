//! What this machine measures, from the files of the kernel.
//!
//! A [`Collector`] reads `/proc` and `/sys` once per tick and hands the numbers to the store as rows
//! of collected values; rates and percentages are made there. [`run`] is the loop of the collecting
//! thread, [`Pace`] decides when its ticks come. Charts, their ids, units and dimensions are those
//! that Netdata's dashboards and alarms know.
//!
//! ```text
//! Pace ──> Collector ──> modules: read and parse into plain numbers   (no lock)
//!                   └──> Batch: one writer, all rows                  (the host's lock, once)
//! ```
//!
//! Files stay open and are read into one buffer; a tick of 315 samples was measured at 194 µs of CPU,
//! most of it in the kernel (`cargo bench -p collect`), and allocates nothing once the devices are
//! known.
//!
//! Processes by application, user and group are read by the module `apps`, where that is switched on.
//!
//! A node with streams adds charts of them: [`Collector::with_streams`].
//!
//! What is left out so far: what `/sys` tells of interfaces, mount points, control groups, arrays of
//! disks, power. External plugins are a crate of their own.
#![forbid(unsafe_code)]

mod apps;
mod charts;
mod collector;
mod config;
mod file;
mod kernel;
mod keyed;
mod module;
mod names;
mod own;
mod pace;
mod page_size;
mod roster;
mod run;
mod running_sum;
mod scan;
#[cfg(test)]
mod tests;

pub use collector::{Collector, TickReport};
pub use config::{Config, DISKS_EXCLUDED, Family, INTERFACES_EXCLUDED};
pub use pace::{OFFSET_US_MAX, Pace, Step};
pub use run::{Ended, Stop, run};
