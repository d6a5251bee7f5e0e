//! What every binary does alike: settings to parts, identity, clocks, logs, signals, life cycle.
//!
//! The shell around the parts: it reads files, clocks and signals, and hands each part its piece
//! of the settings, so that no part reaches for them. A role is its features: `sender` streams to
//! a parent, `parent` has the port, takes streams and answers the API.
#![forbid(unsafe_code)]

#[cfg(feature = "parent")]
mod alarms;
pub mod clock;
mod collecting;
pub mod exit;
#[cfg(feature = "parent")]
mod exporting;
pub mod flood;
pub mod folder;
pub mod identity;
pub mod limits;
pub mod logging;
#[cfg(feature = "parent")]
mod management;
#[cfg(feature = "parent")]
mod notifying;
mod own_host;
#[cfg(feature = "parent")]
mod parent;
mod plugins;
mod program;
#[cfg(feature = "parent")]
mod reading_back;
mod reload;
mod saving;
#[cfg(feature = "sender")]
mod sending;
mod settling;
pub mod signals;
mod sweeping;
pub mod system;
mod timer;
#[cfg(feature = "parent")]
mod watching;

pub use collecting::{CollectOn, Collecting};
#[cfg(feature = "parent")]
pub use exporting::Exporting;
pub use heap::stay_small;
pub use own_host::OwnHost;
#[cfg(feature = "parent")]
pub use parent::Parent;
pub use program::{Stop, program, run_until_stopped, runtime};
pub use reload::Reload;
#[cfg(feature = "sender")]
pub use sending::sender;
pub use settling::settle;
pub use sweeping::Sweeping;
#[cfg(feature = "parent")]
pub use watching::Watching;

/// The version of all binaries.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
