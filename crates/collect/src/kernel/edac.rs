//! `/sys/devices/system/edac/mc/mcN`: errors that memory controllers found.
//!
//! Each file holds one counter. As long as none is above zero, they are read now and then only.

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Form, Member, MemberChart, Owner, incremental, line};
use crate::file::{Buffer, NumberFile};
use crate::listing::Folder;
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::pace::Cadence;
use crate::roster::Roster;
use crate::scan::number;

/// The folder of the controllers.
pub(crate) const PATH: &str = "/sys/devices/system/edac/mc";
const CONTROLLERS_MAX: usize = 256;
/// Seconds between two readings as long as there are no errors.
const CALM_EVERY_S: u32 = 10;

static CORRECTED: Form = line("mem.ecc_ce", "Memory errors that were corrected", "errors", "ecc", 1550, &[]);
static UNCORRECTED: Form = line("mem.ecc_ue", "Memory errors that were not corrected", "errors", "ecc", 1560, &[]);

/// Reads the counters of each controller.
pub(crate) struct Edac {
    folder: Folder,
    controllers: Roster<Controller>,
    calm: Cadence,
    corrected: MemberChart,
    uncorrected: MemberChart,
    owner: Owner,
}

#[derive(Debug)]
struct Controller {
    name: String,
    corrected: Counter,
    uncorrected: Counter,
    /// Whether the files were read at all.
    read: bool,
}

#[derive(Debug)]
struct Counter {
    file: Option<NumberFile>,
    value: Option<i64>,
    dimension: Member,
}

impl Edac {
    /// Opens the folder under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            folder: Folder::open(root, PATH, CONTROLLERS_MAX)?,
            controllers: Roster::new(),
            calm: Cadence::new(CALM_EVERY_S),
            corrected: MemberChart::new(&CORRECTED, incremental("", 1, 1)),
            uncorrected: MemberChart::new(&UNCORRECTED, incremental("", 1, 1)),
            owner: Owner::machine(PATH, update_every_s),
        })
    }
}

impl Module for Edac {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let looked = self.folder.look(now, &mut self.controllers, is_controller, Controller::new);
        let is_shown = self.corrected.is_defined() || self.uncorrected.is_defined();
        if is_shown || self.calm.is_due(now) || looked {
            self.controllers.devices().for_each(|controller| controller.read(buffer));
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let Self { controllers, corrected, uncorrected, owner, .. } = self;
        let mut farewell = |controller: &mut Controller| {
            batch.dismiss(corrected, (&controller.name, ""), &mut controller.corrected.dimension);
            batch.dismiss(uncorrected, (&controller.name, ""), &mut controller.uncorrected.dimension);
        };
        controllers.drop_unlisted(&mut farewell);
        controllers.drop_lost(Controller::is_lost, farewell);
        write(batch, corrected, owner, controllers, |controller| (&controller.name, &mut controller.corrected));
        write(batch, uncorrected, owner, controllers, |controller| (&controller.name, &mut controller.uncorrected));
    }
}

/// Hands over one counter of all controllers, once one of them is above zero.
fn write(
    batch: &mut Batch<'_>,
    chart: &mut MemberChart,
    owner: &Owner,
    controllers: &mut Roster<Controller>,
    counter: impl Fn(&mut Controller) -> (&str, &mut Counter),
) {
    let mut shows = chart.is_defined() || batch.zero_metrics();
    controllers.devices().for_each(|controller| shows |= counter(controller).1.value.is_some_and(|value| value != 0));
    if !shows {
        return;
    }
    for controller in controllers.devices() {
        let (name, counter) = counter(controller);
        batch.enlist(chart, owner, (name, ""), &mut counter.dimension);
    }
    let counters = controllers.devices().map(|controller| counter(controller).1);
    batch.member_row(chart, counters.filter_map(|counter| Some((&counter.dimension, counter.value?))));
}

fn is_controller(name: &[u8]) -> bool {
    name.strip_prefix(b"mc").and_then(number).is_some()
}

impl Controller {
    fn new(name: &[u8], path: PathBuf) -> Self {
        let counter =
            |file| Counter { file: NumberFile::open(&path.join(file)).ok(), value: None, dimension: Member::default() };
        Self { name: text_of(name), corrected: counter("ce_count"), uncorrected: counter("ue_count"), read: false }
    }

    fn read(&mut self, buffer: &mut Buffer) {
        self.corrected.read(buffer);
        self.uncorrected.read(buffer);
        self.read = true;
    }

    /// Whether none of its files can be read: it was taken away.
    fn is_lost(&self) -> bool {
        self.read && self.corrected.value.is_none() && self.uncorrected.value.is_none()
    }
}

impl Counter {
    fn read(&mut self, buffer: &mut Buffer) {
        self.value = self.file.as_ref().and_then(|file| file.read(buffer));
    }
}
