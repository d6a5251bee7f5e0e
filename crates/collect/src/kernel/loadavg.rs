//! `/proc/loadavg`: load averages, every five seconds at most, and the number of tasks.
//!
//! ```text
//! 0.16 0.03 0.01 1/86 4678        three averages, tasks running / in all, the newest process
//! ```

use std::io;
use std::path::{Path, PathBuf};

use row::{ChartType, Now};

use crate::charts::{Batch, Chart, Form, Owner, PLAIN, absolute};
use crate::file::{Buffer, KeptFile, read_once, under};
use crate::module::{Module, ReadError};
use crate::pace::Cadence;
use crate::scan::{Words, number, thousandths};

/// The file.
pub(crate) const PATH: &str = "/proc/loadavg";
/// The kernel counts the load every five seconds.
const LOAD_EVERY_S: u32 = 5;
/// Seconds between two readings of the largest process number, which hardly ever changes.
const LIMIT_EVERY_S: u32 = 60;

static LOAD: Form = Form {
    id: "system.load",
    context: "system.load",
    title: "Load averages",
    units: "load",
    family: "load",
    chart_type: ChartType::Line,
    priority: 100,
    options: PLAIN,
    dimensions: &[absolute("load1", 1, 1000), absolute("load5", 1, 1000), absolute("load15", 1, 1000)],
};
static TASKS: Form = Form {
    id: "system.active_processes",
    context: "system.active_processes",
    title: "Tasks that exist",
    units: "processes",
    family: "processes",
    chart_type: ChartType::Line,
    priority: 750,
    options: PLAIN,
    dimensions: &[absolute("active", 1, 1)],
};

/// Reads `/proc/loadavg`.
pub(crate) struct Loadavg {
    file: KeptFile,
    limit_path: PathBuf,
    reading: Reading,
    load: (Chart, Owner),
    load_cadence: Cadence,
    load_due: bool,
    tasks: (Chart, Owner),
    limit_cadence: Cadence,
    limit: Option<i64>,
    limit_told: Option<i64>,
}

impl Loadavg {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let load_every_s = update_every_s.max(LOAD_EVERY_S);
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            limit_path: under(root, "/proc/sys/kernel/pid_max"),
            reading: Reading::default(),
            load: (Chart::new(&LOAD), Owner::machine(PATH, load_every_s)),
            load_cadence: Cadence::new(load_every_s),
            load_due: false,
            tasks: (Chart::new(&TASKS), Owner::machine(PATH, update_every_s)),
            limit_cadence: Cadence::new(LIMIT_EVERY_S),
            limit: None,
            limit_told: None,
        })
    }
}

impl Module for Loadavg {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        if self.limit_cadence.is_due(now) {
            let text = read_once(&self.limit_path, buffer).unwrap_or_default();
            self.limit = Words::new(text).number();
        }
        self.reading = Reading::parse(self.file.read(buffer)?)
            .ok_or(ReadError::Expected("three load averages and the number of tasks"))?;
        self.load_due = self.load_cadence.is_due(now);
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        if self.load_due {
            batch.row(&mut self.load.0, &self.load.1, &self.reading.load);
        }
        batch.row(&mut self.tasks.0, &self.tasks.1, &[self.reading.tasks]);
        if let Some(limit) = self.limit
            && self.limit_told != self.limit
        {
            self.limit_told = self.limit;
            batch.chart_variable(&self.tasks.0, "pidmax", limit as f64);
        }
    }
}

/// What the file said.
#[derive(Debug, Default, PartialEq)]
struct Reading {
    /// Thousandths.
    load: [i64; 3],
    tasks: i64,
}

impl Reading {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut words = Words::new(text);
        let mut load = [0; 3];
        for value in &mut load {
            *value = thousandths(words.next()?)?;
        }
        let tasks = words.next()?;
        let slash = tasks.iter().position(|&byte| byte == b'/')?;
        Some(Self { load, tasks: number(&tasks[slash + 1..])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of every kernel, and what is not it.
    #[test]
    fn good_and_bad_files() {
        for (text, expected) in [
            ("0.16 0.03 0.01 1/86 4678\n", Some(([160, 30, 10], 86))),
            ("128.29 64.00 7.5 3/12345 9", Some(([128_290, 64_000, 7500], 12_345))),
            ("", None),
            ("0.16 0.03\n", None),
            ("0.16 0.03 0.01\n", None),
            ("0.16 0.03 0.01 86 4678\n", None),
            ("0.16 0.03 0.01 1/\n", None),
            ("0.16 0.03 nan 1/86 4678\n", None),
            ("0.16 0.03 0.01 1/99999999999999999999 1\n", None),
        ] {
            let expected = expected.map(|(load, tasks)| Reading { load, tasks });
            assert_eq!(Reading::parse(text.as_bytes()), expected, "{text}");
        }
        crate::tests::mutate(b"0.16 0.03 0.01 1/86 4678\n", |text| {
            Reading::parse(text);
        });
    }
}
