//! What this machine measures, from the files of the kernel.
//!
//! A [`Collector`] reads `/proc` and `/sys` once per tick and hands the numbers to the store as rows
//! of collected values; rates and percentages are made there. [`Beat`] says when its ticks come, and
//! makes them; whoever drives it brings the time. Charts, their ids, units and dimensions are those
//! that Netdata's dashboards and alarms know.
//!
//! ```text
//! Beat ──> Collector ──> modules: read and parse into plain numbers   (no lock)
//!                   └──> Batch: one writer, all rows                  (the host's lock, once)
//! ```
//!
//! Modules are read one after another, since files of the kernel's own memory keep nobody waiting. A
//! file that asks a device may, and is read on a thread of its own, so that no module delays another.
//!
//! Files stay open and are read into one buffer; a tick of 371 samples was measured at 236 µs of CPU,
//! most of it in the kernel (`cargo bench -p collect`), and allocates nothing once the devices are
//! known.
//!
//! Processes by application, user and group are read by the module `apps`, where that is switched on.
//!
//! A node with streams adds charts of them ([`Collector::with_streams`]), and of itself
//! ([`Collector::with_usage`]).
//!
//! File systems may hang, so they are asked on a thread of their own (`mounts`). External plugins and
//! statsd are crates of their own.
#![forbid(unsafe_code)]

mod apps;
mod aside;
mod beat;
mod cgroups;
mod charts;
mod claims;
mod collector;
mod config;
mod file;
mod idlejitter;
mod kernel;
mod keyed;
mod listing;
mod module;
mod mountinfo;
mod mounts;
mod names;
mod own;
mod pace;
mod page_size;
mod renames;
mod roster;
mod running_sum;
mod scan;
mod scheduled;
#[cfg(test)]
mod tests;

pub use aside::Stopwatch;
pub use beat::{Beat, Next};
pub use collector::{Collector, TickReport};
pub use config::{
    CGROUPS_INCLUDED, CGROUPS_OF_SERVICES, CGROUPS_RENAMED, CGROUPS_SEARCHED, Config, DISKS_EXCLUDED, Family,
    INTERFACES_EXCLUDED, MOUNT_TYPES_EXCLUDED, MOUNTS_EXCLUDED,
};
pub use own::backends::{BackendFigures, Backends};
pub use own::notifications::NotificationCounts;
pub use pace::OFFSET_US_MAX;
pub use renames::{RENAMES, Rename};
