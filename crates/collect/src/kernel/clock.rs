//! The discipline of the clock: whether somebody keeps it right, and how far it was off.
//!
//! No file tells it; the kernel is asked by a call, wherever the root is.

use std::io;

use row::Now;
use timex::{Discipline, discipline};

use crate::charts::{Batch, Chart, Form, Owner, absolute, line};
use crate::file::Buffer;
use crate::module::{Module, ReadError};

/// The module's name.
pub(crate) const NAME: &str = "adjtimex";
/// Seconds between rows, at least: whoever keeps the clock says something new every minute or so.
pub(crate) const EVERY_S: u32 = 10;

const FAMILY: &str = "clock synchronization";

static STATE: Form = line(
    "system.clock_sync_state",
    "Whether somebody keeps the clock right",
    "state",
    FAMILY,
    1100,
    &[absolute("state", 1, 1)],
);
static STATUS: Form = line(
    "system.clock_status",
    "What is wrong with the clock",
    "status",
    FAMILY,
    1105,
    &[absolute("unsync", 1, 1), absolute("clockerr", 1, 1)],
);
static OFFSET: Form = line(
    "system.clock_sync_offset",
    "How far the clock was off",
    "milliseconds",
    FAMILY,
    1110,
    &[absolute("offset", 1, 1_000_000)],
);

/// Asks the kernel.
pub(crate) struct Clock {
    discipline: Discipline,
    owner: Owner,
    state: Chart,
    status: Chart,
    offset: Chart,
}

impl Clock {
    /// Asks for the first time.
    pub(crate) fn open(update_every_s: u32) -> io::Result<Self> {
        let owner = Owner { plugin: "timex.plugin", update_every_s, ..Owner::default() };
        let (state, status, offset) = (Chart::new(&STATE), Chart::new(&STATUS), Chart::new(&OFFSET));
        Ok(Self { discipline: discipline()?, owner, state, status, offset })
    }
}

impl Module for Clock {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, _buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        self.discipline = discipline()?;
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let Self { discipline, owner, state, status, offset } = self;
        batch.row(state, owner, &[discipline.is_synchronized.into()]);
        batch.row(status, owner, &[discipline.is_unsynchronized.into(), discipline.has_failed.into()]);
        batch.row(offset, owner, &[discipline.offset_ns]);
    }
}
