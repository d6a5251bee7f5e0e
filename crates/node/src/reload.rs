//! Settings read again while the node runs: all is read and checked first, then exchanged at once.
//! A fault leaves all as it was.

use config::Settings;
use tracing::{error, info, warn};

#[cfg(feature = "parent")]
use crate::exporting::{Exporting, Plan};
#[cfg(feature = "parent")]
use crate::parent::Parts;

/// What a node needs to take over other settings.
#[derive(Debug)]
pub struct Reload {
    /// What cannot change is compared with these.
    at_start: Settings,
    #[cfg(feature = "parent")]
    parts: Option<Parts>,
    #[cfg(feature = "parent")]
    exporting: Option<Exporting>,
}

impl Reload {
    /// For a node without a port: nothing can change, and the log says so.
    #[must_use]
    pub fn new(at_start: Settings) -> Self {
        Self {
            at_start,
            #[cfg(feature = "parent")]
            parts: None,
            #[cfg(feature = "parent")]
            exporting: None,
        }
    }

    /// For a node with a port, or with none in spite of its role, and with backends.
    #[cfg(feature = "parent")]
    #[must_use]
    pub fn with(at_start: Settings, parent: &crate::Parent, exporting: &Exporting) -> Self {
        Self { at_start, parts: parent.parts(), exporting: Some(exporting.clone()) }
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
        if let Err(err) = self.exchange(&new) {
            error!("settings: {err:#}");
            return error!("settings stay as they were");
        }
        for name in self.at_start.for_next_start(&new) {
            warn!("settings: {name} cannot change while the node runs: it holds from the next start on");
        }
        info!("settings are read again");
    }

    /// Exchanges what can change.
    #[cfg(feature = "parent")]
    fn exchange(&self, new: &Settings) -> anyhow::Result<()> {
        let plan = Plan::new(new);
        if let Some(problem) = plan.problems().into_iter().next() {
            anyhow::bail!(problem);
        }
        self.parts.as_ref().map_or(Ok(()), |parts| parts.exchange(new))?;
        self.exporting.as_ref().map_or(Ok(()), |exporting| exporting.exchange(plan))
    }
}
