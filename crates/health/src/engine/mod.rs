//! The engine: alarms on the charts of hosts, evaluated when they are due.
//!
//! ```text
//! Rules ─┐  bind: which definitions apply to which charts
//!        ├─> Watch of a host: Alarm, Alarm, …  ── step(now) ──> Transition: status to status
//! Host ──┘  lookups outside the host's lock, expressions under it
//! ```
//!
//! A plain state machine: the time is an argument, what it reads is a host of the store, and what
//! it says are [`Transition`]s and [`Notice`]s. Nothing here writes files, sends messages or waits.

mod alarm;
mod facts;
mod levels;
mod lookups;
mod question;
mod rules;
mod scope;
mod telling;
#[cfg(test)]
mod tests;
mod text;
mod transition;
mod watch;

pub use alarm::{Alarm, Memory, State};
pub use levels::{GRACE_S, ToldElsewhere};
pub use lookups::Space;
pub use rules::Rules;
pub use text::{value_string, value_string_with};
pub use transition::{Notice, Others, Report, Transition};
pub use watch::{HostFacts, Patience, Watch};
