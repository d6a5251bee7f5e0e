//! `/proc/interrupts` and `/proc/softirqs`: what interrupts the cores, by source.
//!
//! ```text
//!            CPU0       CPU1
//!  24:          1          0  IO-APIC   5-edge      ACPI:Ged
//! LOC:     181234     176543  Local timer interrupts
//! ```
//!
//! A source appears with its first interrupt, in the chart of all cores and in that of each core
//! that served one.

use std::io;
use std::path::Path;

use row::Now;

use crate::charts::{Batch, Form, GrowingChart, Growth, Owner, line};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::scan::{Words, lines, number};

/// The file of interrupts of devices and cores.
pub(crate) const INTERRUPTS: &str = "/proc/interrupts";
/// The file of work that such interrupts leave for later.
pub(crate) const SOFTIRQS: &str = "/proc/softirqs";
/// Cores that have charts of their own: with more of them there are none.
const CORES_MAX: usize = 32;
/// Sources that are looked at; those beyond are left out.
const SOURCES_MAX: usize = 4096;
/// Letters of a name, at most.
const NAME_CHARACTERS_MAX: usize = 50;

static ALL_INTERRUPTS: Form =
    line("system.interrupts", "Interrupts by source", "interrupts/s", "interrupts", 1000, &[]).stacked();
static ALL_SOFTIRQS: Form = line("system.softirqs", "Softirqs by kind", "softirqs/s", "softirqs", 950, &[]).stacked();
static CORE_INTERRUPTS: Form = line("cpu", "Interrupts of one core by source", "interrupts/s", "interrupts", 1100, &[])
    .stacked()
    .of("cpu.interrupts");
static CORE_SOFTIRQS: Form =
    line("cpu", "Softirqs of one core by kind", "softirqs/s", "softirqs", 3000, &[]).stacked().of("cpu.softirqs");

/// Which of the two files, and the charts made of it.
struct Kind {
    path: &'static str,
    all: &'static Form,
    core: &'static Form,
    /// What ends the ids of the cores' charts.
    suffix: &'static str,
}

static OF_INTERRUPTS: Kind =
    Kind { path: INTERRUPTS, all: &ALL_INTERRUPTS, core: &CORE_INTERRUPTS, suffix: "interrupts" };
static OF_SOFTIRQS: Kind = Kind { path: SOFTIRQS, all: &ALL_SOFTIRQS, core: &CORE_SOFTIRQS, suffix: "softirqs" };

/// Reads one of the two files.
pub(crate) struct Sources {
    kind: &'static Kind,
    file: KeptFile,
    reading: Reading,
    all: GrowingChart,
    owner: Owner,
    per_core: bool,
    cores: Vec<(GrowingChart, Owner)>,
}

impl Sources {
    /// Opens `/proc/interrupts` under `root`.
    pub(crate) fn interrupts(root: &Path, update_every_s: u32, per_core: bool) -> io::Result<Self> {
        Self::open(root, update_every_s, per_core, &OF_INTERRUPTS)
    }

    /// Opens `/proc/softirqs` under `root`.
    pub(crate) fn softirqs(root: &Path, update_every_s: u32, per_core: bool) -> io::Result<Self> {
        Self::open(root, update_every_s, per_core, &OF_SOFTIRQS)
    }

    fn open(root: &Path, update_every_s: u32, per_core: bool, kind: &'static Kind) -> io::Result<Self> {
        Ok(Self {
            kind,
            file: KeptFile::open(root, kind.path)?,
            reading: Reading::default(),
            all: GrowingChart::new(kind.all),
            owner: Owner::machine(kind.path, update_every_s),
            per_core,
            cores: Vec::new(),
        })
    }

    fn add_core(&mut self) {
        let number = self.cores.len();
        let owner = Owner {
            device: format!("cpu{number}_{}", self.kind.suffix),
            priority_offset: number as i32,
            labels: vec![("cpu", format!("cpu{number}"))],
            ..Owner::machine(self.kind.path, self.owner.update_every_s)
        };
        self.cores.push((GrowingChart::new(self.kind.core), owner));
    }
}

impl Module for Sources {
    fn name(&self) -> &'static str {
        self.kind.path
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        self.reading.parse(self.file.read(buffer)?)
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let sources = &self.reading.sources;
        let sums = sources.iter().map(|source| source.growth(source.listed.then_some(source.sum)));
        batch.growing_row(&mut self.all, &self.owner, sums);
        if !self.per_core || self.reading.cores > CORES_MAX {
            return;
        }
        while self.cores.len() < self.reading.cores {
            self.add_core();
        }
        let sources = &self.reading.sources;
        for (number, (chart, owner)) in self.cores.iter_mut().enumerate() {
            let values = sources.iter().map(|source| source.growth(source.by_core.get(number).copied()));
            batch.growing_row(chart, owner, values);
        }
    }
}

/// What a file said.
#[derive(Debug, Default)]
struct Reading {
    cores: usize,
    /// In the order in which they were first seen; one that is no longer listed keeps its place.
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    id: String,
    name: String,
    listed: bool,
    sum: i64,
    /// As many as the line has: some sources have one number for all cores.
    by_core: Vec<i64>,
}

impl Source {
    fn growth(&self, value: Option<i64>) -> Growth<'_> {
        Growth { id: &self.id, name: &self.name, value }
    }
}

impl Reading {
    fn parse(&mut self, text: &[u8]) -> Result<(), ReadError> {
        let mut lines = lines(text);
        let heading = Words::new(lines.next().unwrap_or_default());
        self.cores = heading.filter(|word| word.starts_with(b"CPU")).count();
        if self.cores == 0 {
            return Err(ReadError::Expected("a heading of cores"));
        }
        for source in &mut self.sources {
            source.listed = false;
            source.by_core.clear();
        }
        let mut expected = 0;
        for line in lines {
            let mut words = Words::new(line);
            let Some(id) = words.next().and_then(|word| word.strip_suffix(b":")) else { continue };
            if let Some(at) = self.find(id, expected).or_else(|| self.add(id, words.clone())) {
                expected = at + 1;
                self.sources[at].set(words, self.cores);
            }
        }
        Ok(())
    }

    fn find(&self, id: &[u8], expected: usize) -> Option<usize> {
        let is = |source: &Source| source.id.as_bytes() == id;
        if self.sources.get(expected).is_some_and(is) { Some(expected) } else { self.sources.iter().position(is) }
    }

    fn add(&mut self, id: &[u8], words: Words<'_>) -> Option<usize> {
        let id = std::str::from_utf8(id).ok().filter(|id| !id.is_empty() && text_of(id.as_bytes()) == *id)?;
        if self.sources.len() == SOURCES_MAX {
            return None;
        }
        let name = name(id, words.skip(self.cores));
        let by_core = Vec::with_capacity(self.cores);
        self.sources.push(Source { id: id.to_owned(), name, listed: false, sum: 0, by_core });
        Some(self.sources.len() - 1)
    }
}

impl Source {
    fn set(&mut self, words: Words<'_>, cores: usize) {
        (self.listed, self.sum) = (true, 0);
        self.by_core.clear();
        for value in words.take(cores).map_while(number) {
            self.sum = self.sum.wrapping_add(value);
            self.by_core.push(value);
        }
    }
}

/// What a source is shown as: a number is told together with the device that uses it.
fn name<'a>(id: &str, description: impl Iterator<Item = &'a [u8]>) -> String {
    if number(id.as_bytes()).is_none() {
        return String::new();
    }
    // Of a name of several parts (ACPI:Ged) the last one is shown.
    let device = description.last().and_then(|word| word.rsplit(|&byte| byte == b':').next());
    let device = device.map(text_of).unwrap_or_default();
    if device.is_empty() { String::new() } else { format!("{device}_{id}").chars().take(NAME_CHARACTERS_MAX).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/interrupts.txt");

    fn sums(reading: &Reading) -> Vec<(&str, &str, i64)> {
        let listed = reading.sources.iter().filter(|source| source.listed);
        listed.map(|source| (&*source.id, &*source.name, source.sum)).collect()
    }

    /// A real file gives sums by source and names of devices.
    #[test]
    fn a_real_file() {
        let mut reading = Reading::default();
        reading.parse(REAL).unwrap();
        assert_eq!(reading.cores, 2);
        let sums = sums(&reading);
        assert_eq!(sums[..3], [("24", "Ged_24", 1), ("26", "ttyS0_26", 13), ("31", "virtio0-req.0_31", 157_796)]);
        assert!(sums.contains(&("LOC", "", 357_777)) && sums.contains(&("ERR", "", 3)), "{sums:?}");
        assert_eq!(reading.sources[1].by_core, [0, 13]);
    }

    /// Sources come and go and keep their places; cut and absurd lines give what they have.
    #[test]
    fn sources_come_and_go() {
        let mut reading = Reading::default();
        for (text, expected) in [
            ("CPU0 CPU1\n1: 1 2 chip edge a\n2: 3\n", vec![("1", "a_1", 3), ("2", "", 3)]),
            ("CPU0 CPU1\n2: 4 x\n3: 5 6 b\n", vec![("2", "", 4), ("3", "b_3", 11)]),
            ("CPU0 CPU1\n1: 7 8\nnothing\n: 5\n\": 3\n", vec![("1", "a_1", 15)]),
        ] {
            reading.parse(text.as_bytes()).unwrap();
            assert_eq!(sums(&reading), expected, "{text}");
        }
        assert!(reading.parse(b"").is_err() && reading.parse(b"1: 2 3\n").is_err());
        crate::tests::mutate(REAL, |text| {
            let _unless_broken = Reading::default().parse(text);
        });
    }
}
