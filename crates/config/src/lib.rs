//! Typed settings: from the file, the environment and the command line, with defaults in one place.
//!
//! What was said (`said`) is looked up in the one list of keys (`keys`), checked against the
//! key's kind (`kind`), merged (command line over environment over file) and turned into
//! [`Settings`], after which nobody asks whether something was set. The same list of keys writes
//! `--help`, `configs/` and `docs/settings.md` (`pages`). The crate opens no port, writes no
//! file, and reads none but the settings file.
#![forbid(unsafe_code)]

mod choices;
mod environment;
mod file;
mod invocation;
mod keys;
mod kind;
mod lookup;
mod merge;
mod methods;
mod pages;
mod print;
mod problems;
mod quantity;
mod reload;
mod resolve;
mod said;
mod secret;
mod settings;
mod tiers;

pub use choices::{DuplicateGuid, MemoryMode, TlsMode, WebMode};
pub use environment::environment;
pub use invocation::{Command, Invocation, UsageError};
pub use keys::{CACHE_DIR, LIB_DIR, Role};
pub use pages::{configuration_file, help, reference};
pub use problems::Problems;
pub use settings::{
    ApiKey, Archive, Backend, Collect, Family, Global, Health, Machine, Method, Plugin, Registry, Settings, Statsd,
    Stream, Web,
};
pub use tiers::Tier;

#[cfg(test)]
mod tests;
