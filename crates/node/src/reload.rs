//! Settings read again while the node runs: all is read and checked first, then exchanged at once.
//! A fault leaves all as it was.

use config::Settings;
use tracing::{error, info, warn};

#[cfg(feature = "parent")]
use crate::parent::Parts;

/// What a node needs to take over other settings.
#[derive(Debug)]
pub struct Reload {
    /// What cannot change is compared with these.
    at_start: Settings,
    #[cfg(feature = "parent")]
    parts: Option<Parts>,
}

impl Reload {
    /// For a node without a port: nothing can change, and the log says so.
    #[must_use]
    pub fn new(at_start: Settings) -> Self {
        Self {
            at_start,
            #[cfg(feature = "parent")]
            parts: None,
        }
    }

    /// For a node with a port, or with none in spite of its role.
    #[cfg(feature = "parent")]
    #[must_use]
    pub fn with(at_start: Settings, parent: &crate::Parent) -> Self {
        Self { at_start, parts: parent.parts() }
    }

    /// Reads and exchanges.
    pub(crate) fn now(&self) {
        let new = match self.at_start.read_again(config::environment()) {
            Ok(new) => new,
            Err(problems) => {
                problems.lines().iter().for_each(|line| error!("settings: {line}"));
                return error!("settings stay as they were");
            }
        };
        #[cfg(feature = "parent")]
        if let Some(parts) = &self.parts
            && let Err(err) = parts.exchange(&new)
        {
            error!("settings: {err:#}");
            return error!("settings stay as they were");
        }
        for name in self.at_start.for_next_start(&new) {
            warn!("settings: {name} cannot change while the node runs: it holds from the next start on");
        }
        info!("settings are read again");
    }
}
