//! `/sys/class/power_supply/NAME`: how full batteries are and, where that is wanted, their charge, energy
//! and voltage.
//!
//! ```text
//! capacity                                     in percent
//! charge_now charge_full energy_now …          in millionths of ampere hours, watt hours and volts
//! ```
//!
//! Asking a battery may take its controller milliseconds and the answer changes in minutes, so it is
//! asked now and then, and the answer holds until the next.

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Chart, Form, GrowingChart, Growth, Owner, absolute, line};
use crate::file::{Buffer, NumberFile};
use crate::listing::Folder;
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::pace::Cadence;
use crate::roster::Roster;

/// The folder of the supplies.
pub(crate) const PATH: &str = "/sys/class/power_supply";
const SUPPLIES_MAX: usize = 64;
/// Seconds between two questions.
const ASKED_EVERY_S: u32 = 10;

static CAPACITY: Form =
    line("powersupply_capacity", "How full the battery is", "percentage", "", 9500, &[absolute("capacity", 1, 1)])
        .of("powersupply.capacity");
/// The details, each with how the names of its files begin, and how they end.
static DETAILS: [(Form, &str, [&str; 5]); 3] = [
    (
        line("powersupply_charge", "Charge of the battery", "Ah", "", 9501, &[]).of("powersupply.charge"),
        "charge",
        ["empty_design", "empty", "now", "full", "full_design"],
    ),
    (
        line("powersupply_energy", "Energy in the battery", "Wh", "", 9502, &[]).of("powersupply.energy"),
        "energy",
        ["empty_design", "empty", "now", "full", "full_design"],
    ),
    (
        line("powersupply_voltage", "Voltage of the supply", "V", "", 9503, &[]).of("powersupply.voltage"),
        "voltage",
        ["min_design", "min", "now", "max", "max_design"],
    ),
];

/// Reads the files of each supply that has any.
pub(crate) struct PowerSupply {
    folder: Folder,
    supplies: Roster<Supply>,
    has_details: bool,
    cadence: Cadence,
    update_every_s: u32,
}

struct Supply {
    /// None for what is no battery.
    file: Option<NumberFile>,
    percent: Option<i64>,
    details: Vec<Detail>,
    chart: Chart,
    owner: Owner,
}

struct Detail {
    /// By dimension; what this supply does not tell is missing.
    files: [Option<NumberFile>; 5],
    values: [Option<i64>; 5],
    names: &'static [&'static str; 5],
    chart: GrowingChart,
}

impl PowerSupply {
    /// Opens the folder under `root`; `has_details` says whether more than the capacity is wanted.
    pub(crate) fn open(root: &Path, update_every_s: u32, has_details: bool) -> io::Result<Self> {
        let folder = Folder::open(root, PATH, SUPPLIES_MAX)?;
        let cadence = Cadence::new(ASKED_EVERY_S);
        Ok(Self { folder, supplies: Roster::new(), has_details, cadence, update_every_s })
    }
}

impl Module for PowerSupply {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let (update_every_s, has_details) = (self.update_every_s, self.has_details);
        let make = |name: &[u8], path| Supply::new(name, path, update_every_s, has_details);
        let looked = self.folder.look(now, &mut self.supplies, |_| true, make);
        if self.cadence.is_due(now) || looked {
            self.supplies.devices().for_each(|supply| supply.read(buffer));
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let mut farewell = |supply: &mut Supply| supply.obsolete(batch);
        self.supplies.drop_unlisted(&mut farewell);
        self.supplies.drop_lost(Supply::is_lost, farewell);
        for supply in self.supplies.devices() {
            supply.write(batch);
        }
    }
}

impl Supply {
    fn new(name: &[u8], path: PathBuf, update_every_s: u32, has_details: bool) -> Self {
        let name = text_of(name);
        let details = DETAILS.iter().filter(|_| has_details);
        let details = details.map(|(form, begin, ends)| Detail::open(&path, form, begin, ends));
        Self {
            file: NumberFile::open(&path.join("capacity")).ok(),
            percent: None,
            details: details.filter(|detail| detail.files.iter().any(Option::is_some)).collect(),
            chart: Chart::new(&CAPACITY),
            owner: Owner {
                device: name.clone(),
                family: name.clone(),
                labels: vec![("device", name)],
                ..Owner::machine(PATH, update_every_s)
            },
        }
    }

    fn read(&mut self, buffer: &mut Buffer) {
        self.percent = self.file.as_ref().and_then(|file| file.read(buffer));
        for detail in &mut self.details {
            for (value, file) in detail.values.iter_mut().zip(&detail.files) {
                *value = file.as_ref().and_then(|file| file.read(buffer));
            }
        }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        if let Some(percent) = self.percent {
            batch.row(&mut self.chart, &self.owner, &[percent]);
        }
        for Detail { values, names, chart, .. } in &mut self.details {
            let growth = |(&id, &value): (&&'static str, &Option<i64>)| Growth { id, name: "", value };
            batch.listed_row(chart, &self.owner, names.iter().zip(&*values).map(growth));
        }
    }

    /// Whether a battery no longer answers: it was taken out.
    fn is_lost(&self) -> bool {
        self.file.is_some() && self.percent.is_none()
    }

    fn obsolete(&mut self, batch: &mut Batch<'_>) {
        batch.obsolete(&mut self.chart);
        self.details.iter_mut().for_each(|detail| batch.obsolete_growing(&mut detail.chart));
    }
}

impl Detail {
    fn open(folder: &Path, form: &'static Form, begin: &str, names: &'static [&'static str; 5]) -> Self {
        Self {
            files: names.map(|end| NumberFile::open(&folder.join(format!("{begin}_{end}"))).ok()),
            values: [None; 5],
            names,
            chart: GrowingChart::of(form, absolute("", 1, 1_000_000)),
        }
    }
}
