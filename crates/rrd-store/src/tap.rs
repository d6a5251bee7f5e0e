//! Taps: who is shown each row of a host as it is written.

use std::any::Any;

use row::{ChartSlot, Now, Row};

use crate::view::{ChartView, HostView};

/// Is shown what is written to a host, under the host's lock: it may only append to a bounded
/// buffer of its own. It formats no logs, compresses nothing, waits for nothing.
pub trait Tap: Any + Send {
    /// Labels or variables of the host changed.
    fn host(&mut self, host: &HostView<'_>);
    /// A chart, its dimensions or labels are new or changed; comes before the next row.
    fn definition(&mut self, chart: &ChartView<'_>, now: Now);
    /// Nothing but variables of a chart changed; comes before the next row.
    fn variables(&mut self, _chart: &ChartView<'_>) {}
    /// The chart in a slot left the host; another may come there, whose definition is shown first.
    fn removed(&mut self, _slot: ChartSlot) {}
    /// A row was written.
    fn row(&mut self, row: &Row<'_>);
    /// A writer was dropped, or the feed was claimed or released: time to pass on what was gathered.
    fn wake(&mut self);
}

/// A tap's name within its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TapId(pub(crate) u64);
