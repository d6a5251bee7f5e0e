//! Notifications of alarms that this node sends: what became of them. Ours.

use row::{ChartType, Now};

use crate::charts::{Batch, Chart, Form, Owner, PLAIN, absolute, incremental};
use crate::file::Buffer;
use crate::module::{Module, ReadError};

/// The module's name.
pub(crate) const NAME: &str = "notifications";
/// Seconds between rows, at least.
pub(crate) const EVERY_S: u32 = 10;

const fn form(id: &'static str, title: &'static str, units: &'static str, order: i32) -> Form {
    Form {
        id,
        context: id,
        title,
        units,
        family: "alarms",
        chart_type: ChartType::Line,
        priority: 130_020 + order,
        options: PLAIN,
        dimensions: &[],
    }
}

static OUTCOMES: Form = Form {
    dimensions: &[
        incremental("sent", 60, 1),
        incremental("failed", 60, 1),
        incremental("retried", 60, 1),
        incremental("dropped", 60, 1),
    ],
    ..form("tributary.notifications", "What became of notifications", "notifications/min", 0)
};
static WAITING: Form = Form {
    dimensions: &[absolute("waiting", 1, 1)],
    ..form("tributary.notifications_waiting", "Notifications that wait", "notifications", 1)
};

/// What became of notifications since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotificationCounts {
    /// They arrived.
    pub sent: u64,
    /// They were refused, or given up.
    pub failed: u64,
    /// Attempts that were made again.
    pub retried: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// They wait.
    pub waiting: u64,
}

/// Tells them.
pub(crate) struct Notifications {
    counts: Box<dyn Fn() -> NotificationCounts + Send>,
    now: NotificationCounts,
    owner: Owner,
    outcomes: Chart,
    waiting: Chart,
}

impl Notifications {
    pub(crate) fn new(counts: Box<dyn Fn() -> NotificationCounts + Send>, update_every_s: u32) -> Self {
        Self {
            counts,
            now: NotificationCounts::default(),
            owner: Owner::machine(NAME, update_every_s),
            outcomes: Chart::new(&OUTCOMES),
            waiting: Chart::new(&WAITING),
        }
    }
}

impl Module for Notifications {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, _buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        self.now = (self.counts)();
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let Self { now, owner, outcomes, waiting, .. } = self;
        let counts = [now.sent, now.failed, now.retried, now.dropped].map(u64::cast_signed);
        batch.row(outcomes, owner, &counts);
        batch.row(waiting, owner, &[now.waiting.cast_signed()]);
    }
}
