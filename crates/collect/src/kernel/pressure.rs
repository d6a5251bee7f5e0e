//! `/proc/pressure`: for how long tasks waited for processors, memory and devices.
//!
//! ```text
//! some avg10=95.87 avg60=58.78 avg300=24.94 total=159898500     percentages, and microseconds
//! full avg10=0.00 avg60=0.00 avg300=0.00 total=0                all tasks at once; not in every file
//! ```

use std::io;
use std::path::Path;

use row::{DimensionDefinition, Now};

use crate::charts::{Batch, Chart, Form, Owner, absolute, incremental, line};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::scan::{Words, lines, number, thousandths};

/// The folder of the files.
pub(crate) const PATH: &str = "/proc/pressure";
/// The kernel counts averages every two seconds.
pub(crate) const EVERY_S: u32 = 2;

/// Dimensions of a chart of its first line.
pub(crate) const SOME: &[DimensionDefinition<'static>] =
    &[absolute("some 10", 1, 100), absolute("some 60", 1, 100), absolute("some 300", 1, 100)];
/// Dimensions of a chart of its second line.
pub(crate) const FULL: &[DimensionDefinition<'static>] =
    &[absolute("full 10", 1, 100), absolute("full 60", 1, 100), absolute("full 300", 1, 100)];
/// Dimensions of a chart of times.
pub(crate) const TIME: &[DimensionDefinition<'static>] = &[incremental("time", 1, 1)];

/// Charts of a file: share and time of its first line, then of its second.
type Forms = [Form; 4];

const fn share(
    id: &'static str,
    title: &'static str,
    family: &'static str,
    priority: i32,
    dimensions: &'static [DimensionDefinition<'static>],
) -> Form {
    line(id, title, "percentage", family, priority, dimensions)
}

const fn time(id: &'static str, title: &'static str, family: &'static str, priority: i32) -> Form {
    line(id, title, "ms", family, priority, TIME)
}

static CPU: Forms = [
    share("system.cpu_some_pressure", "Share of time that tasks waited for a processor", "cpu", 140, SOME),
    time("system.cpu_some_pressure_stall_time", "Time that tasks waited for a processor", "cpu", 145),
    share("system.cpu_full_pressure", "Share of time that all tasks waited for a processor", "cpu", 150, FULL),
    time("system.cpu_full_pressure_stall_time", "Time that all tasks waited for a processor", "cpu", 155),
];
static MEMORY: Forms = [
    share("system.memory_some_pressure", "Share of time that tasks waited for memory", "ram", 240, SOME),
    time("system.memory_some_pressure_stall_time", "Time that tasks waited for memory", "ram", 245),
    share("system.memory_full_pressure", "Share of time that all tasks waited for memory", "ram", 250, FULL),
    time("system.memory_full_pressure_stall_time", "Time that all tasks waited for memory", "ram", 255),
];
static IO: Forms = [
    share("system.io_some_pressure", "Share of time that tasks waited for devices", "disk", 190, SOME),
    time("system.io_some_pressure_stall_time", "Time that tasks waited for devices", "disk", 195),
    share("system.io_full_pressure", "Share of time that all tasks waited for devices", "disk", 200, FULL),
    time("system.io_full_pressure_stall_time", "Time that all tasks waited for devices", "disk", 205),
];

/// Reads the three files.
pub(crate) struct Pressure {
    resources: Vec<Resource>,
    owner: Owner,
}

struct Resource {
    file: KeptFile,
    charts: [Chart; 4],
    reading: [Option<Stalls>; 2],
}

impl Pressure {
    /// Opens the files under `root` that there are.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let files = [("cpu", &CPU), ("memory", &MEMORY), ("io", &IO)];
        let mut resources = Vec::new();
        let mut missing = None;
        for (name, forms) in files {
            match KeptFile::open(root, &format!("{PATH}/{name}")) {
                Ok(file) => {
                    let charts = forms.each_ref().map(Chart::new);
                    resources.push(Resource { file, charts, reading: [None; 2] });
                }
                Err(error) => missing = Some(error),
            }
        }
        match missing {
            Some(error) if resources.is_empty() => Err(error),
            _ => Ok(Self { resources, owner: Owner::machine(PATH, update_every_s) }),
        }
    }
}

impl Module for Pressure {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        let mut result = Err(ReadError::Expected("lines some and full"));
        for resource in &mut self.resources {
            resource.reading = [None; 2];
            match resource.file.read(buffer) {
                Ok(text) => resource.reading = parse(text),
                // With the accounting switched off, the files are there but cannot be read.
                Err(error) if result.is_err() => result = Err(error.into()),
                Err(_) => {}
            }
            if resource.reading[0].is_some() {
                result = Ok(());
            }
        }
        result
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        for resource in &mut self.resources {
            for (charts, stalls) in resource.charts.chunks_exact_mut(2).zip(resource.reading) {
                if let ([share, time], Some(stalls)) = (charts, stalls) {
                    batch.row(share, &self.owner, &stalls.hundredths);
                    batch.row(time, &self.owner, &[stalls.total_ms]);
                }
            }
        }
    }
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stalls {
    /// Percentages times a hundred, of the last 10, 60 and 300 seconds.
    pub hundredths: [i64; 3],
    /// Milliseconds of waiting since the machine, or the control group, is there.
    pub total_ms: i64,
}

/// The line `some` and the line `full`.
pub(crate) fn parse(text: &[u8]) -> [Option<Stalls>; 2] {
    let find = |label: &[u8]| lines(text).find_map(|line| Stalls::parse(line, label));
    [find(b"some"), find(b"full")]
}

impl Stalls {
    fn parse(line: &[u8], label: &[u8]) -> Option<Self> {
        let mut words = Words::new(line);
        words.next().filter(|word| *word == label)?;
        let mut hundredths = [0; 3];
        for (value, key) in hundredths.iter_mut().zip([b"avg10=".as_slice(), b"avg60=", b"avg300="]) {
            *value = thousandths(words.next()?.strip_prefix(key)?)? / 10;
        }
        let total_us = number(words.next()?.strip_prefix(b"total=")?)?;
        Some(Self { hundredths, total_ms: total_us / 1000 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = "some avg10=95.87 avg60=58.78 avg300=0.94 total=159898500\n\
        full avg10=0.00 avg60=0.01 avg300=100.00 total=1999\n";

    /// Both lines, or one of them; lines that are cut or absurd are left out.
    #[test]
    fn good_and_bad_files() {
        let some = Stalls { hundredths: [9587, 5878, 94], total_ms: 159_898 };
        let full = Stalls { hundredths: [0, 1, 10_000], total_ms: 1 };
        assert_eq!(parse(REAL.as_bytes()), [Some(some), Some(full)]);
        for text in [
            "",
            "some",
            "some avg10=1.00 avg60=1.00 avg300=1.00",
            "some avg60=1.00 avg10=1.00 avg300=1.00 total=1",
            "some avg10=x avg60=1.00 avg300=1.00 total=1",
        ] {
            assert_eq!(parse(text.as_bytes()), [None; 2], "{text}");
        }
        crate::tests::mutate(REAL.as_bytes(), |text| {
            parse(text);
        });
    }
}
