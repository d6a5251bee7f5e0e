//! External plugins: programs that collect, and say so line by line.
//!
//! A plugin is a program of a folder. It is run with its update every as the first argument and prints
//! charts and rows, as Netdata's plugins do (plugins.d), for as long as it lives; what it prints becomes rows
//! of the node's own host, or of hosts that it defines.
//!
//! ```text
//! folders ─> discovery ─> Process ─> Session: lines to rows ─> a host's feed and writer
//!                restart: when again <─ how it ended
//! calls of functions ─> the plugin's standard input; its answers come among its lines
//! ```
//!
//! All plugins share one thread, which exists only while some are wanted. `command`, `session`, `restart`
//! and `flow` are plain: bytes, time and ends of processes are arguments.
//!
//! Whatever a plugin does, it harms no other: it is read up to so many bytes a second, up to so many charts
//! and dimensions are kept of it, its complaints are logged up to so many lines, and a line that makes no sense,
//! or no line at all, ends its run. What it started itself ends with it.
#![forbid(unsafe_code)]

mod calls;
mod charts;
mod command;
mod complaints;
mod discovery;
mod environment;
mod flow;
mod functions;
mod nodes;
mod process;
mod restart;
mod run;
mod session;
mod shown;
#[cfg(test)]
mod tests;

pub use environment::Facts;
pub use nodes::{Nodes, OnHost};
pub use run::{Config, Single, run};

/// Reads both clocks.
pub type Clock = fn() -> row::Now;

/// Takes a plugin's whole output, as much of it at once as `piece` says; returns the rows that were
/// complete and whether it was at fault. For tests that have anything printed.
#[doc(hidden)]
#[must_use]
pub fn take(nodes: Nodes, output: &[u8], piece: usize, now: row::Now) -> (u64, bool) {
    let mut session = session::Session::new(std::rc::Rc::new(nodes), "any.plugin", 1);
    let mut rest = Vec::new();
    for bytes in output.chunks(piece.max(1)) {
        rest.extend_from_slice(bytes);
        match session.receive(&rest, now) {
            Ok(taken) => drop(rest.drain(..taken)),
            Err(_) => return (session.rows(), true),
        }
    }
    (session.rows(), false)
}
