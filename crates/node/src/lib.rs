//! What every binary does alike: identity, clocks, logs, signals, facts about the machine.
//!
//! The shell around the parts: it reads files, clocks and signals, so that the parts need not.
//! It knows nothing of streams, charts or settings.
#![forbid(unsafe_code)]

pub mod clock;
pub mod exit;
pub mod folder;
pub mod identity;
pub mod limits;
pub mod logging;
pub mod signals;
pub mod system;

/// The version of all binaries.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
