//! `/proc/diskstats`: the disks' operations, and what passed between all of them and memory.
//!
//! ```text
//!  254       0 vda 27225 5376 3228586 9617 5456 7196 1639768 3972 0 6824 13908 3578 40 390000 …
//! major minor name reads merged sectors ms writes merged sectors ms in-flight busy-ms waiting-ms …
//! ```
//!
//! A sector is 512 bytes, whatever the disk says. Partitions and what the pattern excludes have no
//! charts. Older kernels do not write the later columns, discards and flushes.

use std::io;
use std::path::{Path, PathBuf};

use patterns::SimplePattern;
use row::{ChartType, Now, US_PER_S};

use crate::charts::{Batch, Chart, Form, Owner, PLAIN, incremental};
use crate::file::{Buffer, KeptFile};
use crate::kernel::disk_charts::DiskCharts;
use crate::kernel::disk_device::{Kind, find_id, find_mount, find_name};
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::roster::Roster;
use crate::running_sum::RunningSum;
use crate::scan::{Words, lines};

/// The file.
pub(crate) const PATH: &str = "/proc/diskstats";
/// Disks and partitions that are looked at; those beyond are left out.
const DISKS_MAX: usize = 16_384;

static ALL: Form = Form {
    id: "system.io",
    context: "system.io",
    title: "Data read from and written to all disks",
    units: "KiB/s",
    family: "disk",
    chart_type: ChartType::Area,
    priority: 150,
    options: PLAIN,
    dimensions: &[incremental("in", 1, 1), incremental("out", -1, 1)],
};

/// Reads `/proc/diskstats`.
pub(crate) struct Diskstats {
    file: KeptFile,
    root: PathBuf,
    exclude: SimplePattern,
    disks: Roster<Disk>,
    /// Disks listed for the first time in this reading; looked up once the buffer is free again.
    new: Vec<(Vec<u8>, (u32, u32), Counters)>,
    all: (Chart, Owner),
    sectors_read: RunningSum,
    sectors_written: RunningSum,
    read_us: Option<u64>,
    periods: i64,
}

#[derive(Debug)]
struct Disk {
    kind: Kind,
    before: Option<Counters>,
    now: Counters,
    /// None for a disk that has no charts.
    charts: Option<(Box<DiskCharts>, Owner)>,
}

impl Diskstats {
    /// Opens the file under `root`; disks whose names match `exclude` have no charts.
    pub(crate) fn open(root: &Path, update_every_s: u32, exclude: SimplePattern) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            root: root.to_path_buf(),
            exclude,
            disks: Roster::new(),
            new: Vec::new(),
            all: (Chart::new(&ALL), Owner::machine(PATH, update_every_s)),
            sectors_read: RunningSum::default(),
            sectors_written: RunningSum::default(),
            read_us: None,
            periods: 1,
        })
    }

    /// Finds out about a disk that is listed for the first time.
    fn look_up(&self, name: &[u8], number: (u32, u32), now: Counters, buffer: &mut Buffer) -> Disk {
        let kind = Kind::find(&self.root, name, number);
        let wanted = kind != Kind::Partition && !self.exclude.matches(&text_of(name));
        let charts = wanted.then(|| (Box::new(DiskCharts::new()), self.owner(kind, name, number, buffer)));
        Disk { kind, before: None, now, charts }
    }

    fn owner(&self, kind: Kind, name: &[u8], number: (u32, u32), buffer: &mut Buffer) -> Owner {
        let id = find_id(&self.root, name, buffer);
        let name_given = find_name(&self.root, name, number);
        let mount = find_mount(&self.root, name, number, buffer);
        Owner {
            name: if name_given == id { String::new() } else { name_given.clone() },
            device: id,
            family: mount.clone().unwrap_or_else(|| name_given.clone()),
            labels: vec![
                ("device", name_given),
                ("mount_point", mount.unwrap_or_else(|| "[none]".to_owned())),
                ("device_type", kind.word().to_owned()),
            ],
            ..Owner::machine(PATH, self.all.1.update_every_s)
        }
    }

    fn count_periods(&mut self, now: Now) {
        let period_us = u64::from(self.all.1.update_every_s) * US_PER_S as u64;
        let passed_us = self.read_us.map_or(period_us, |before| now.mono_us.saturating_sub(before));
        self.periods = ((passed_us + period_us / 2) / period_us).max(1).cast_signed();
        self.read_us = Some(now.mono_us);
    }
}

impl Module for Diskstats {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let text = self.file.read(buffer)?;
        self.disks.begin();
        let mut good = text.is_empty();
        for disk in lines(text).filter_map(Line::parse) {
            good = true;
            if let Some(known) = self.disks.find(disk.name) {
                known.before = Some(std::mem::replace(&mut known.now, disk.counters));
            } else if self.disks.len() + self.new.len() < DISKS_MAX {
                self.new.push((disk.name.to_vec(), disk.number, disk.counters));
            }
        }
        if !good {
            return Err(ReadError::Expected("lines of major, minor, name and eleven numbers"));
        }
        for (name, number, counters) in std::mem::take(&mut self.new) {
            let disk = self.look_up(&name, number, counters, buffer);
            self.disks.add(&name, disk);
        }
        self.count_periods(now);
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.disks.drop_unlisted(|disk| {
            if let Some((charts, _)) = &mut disk.charts {
                charts.obsolete(batch);
            }
        });
        for disk in self.disks.devices() {
            let before = disk.before.as_ref();
            if disk.kind == Kind::Physical {
                self.sectors_read.add(before.map(|before| before.sectors_read), disk.now.sectors_read);
                self.sectors_written.add(before.map(|before| before.sectors_written), disk.now.sectors_written);
            }
            if let Some((charts, owner)) = &mut disk.charts {
                charts.write(batch, owner, before, &disk.now, self.periods);
            }
        }
        let kib = [self.sectors_read.end() / 2, self.sectors_written.end() / 2];
        batch.row(&mut self.all.0, &self.all.1, &kib);
    }
}

/// The counters of a disk, since the machine started.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Counters {
    /// Reads completed.
    pub reads: i64,
    /// Reads merged with others before they went to the disk.
    pub reads_merged: i64,
    /// Sectors of 512 bytes that were read.
    pub sectors_read: i64,
    /// Milliseconds of all reads together.
    pub reading_ms: i64,
    /// Writes completed.
    pub writes: i64,
    /// Writes merged with others.
    pub writes_merged: i64,
    /// Sectors of 512 bytes that were written.
    pub sectors_written: i64,
    /// Milliseconds of all writes together.
    pub writing_ms: i64,
    /// Operations in flight now; no counter.
    pub in_flight: i64,
    /// Milliseconds with anything in flight.
    pub busy_ms: i64,
    /// Milliseconds of waiting, of all operations together.
    pub waiting_ms: i64,
    /// What newer kernels tell beside.
    pub extended: Extended,
}

/// Discards and flushes; zero where the kernel does not count them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Extended {
    /// Discards completed.
    pub discards: i64,
    /// Discards merged with others.
    pub discards_merged: i64,
    /// Sectors of 512 bytes that were discarded.
    pub sectors_discarded: i64,
    /// Milliseconds of all discards together.
    pub discarding_ms: i64,
    /// Flushes completed.
    pub flushes: i64,
    /// Milliseconds of all flushes together.
    pub flushing_ms: i64,
}

/// A line of the file.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    number: (u32, u32),
    name: &'a [u8],
    counters: Counters,
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = Words::new(line);
        let [major, minor] = words.numbers()?;
        let number = (u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
        let name = words.next()?;
        let [
            reads,
            reads_merged,
            sectors_read,
            reading_ms,
            writes,
            writes_merged,
            sectors_written,
            writing_ms,
            in_flight,
            busy_ms,
            waiting_ms,
        ] = words.numbers()?;
        let extended = Extended::parse(words);
        let counters = Counters {
            reads,
            reads_merged,
            sectors_read,
            reading_ms,
            writes,
            writes_merged,
            sectors_written,
            writing_ms,
            in_flight,
            busy_ms,
            waiting_ms,
            extended,
        };
        Some(Self { number, name, counters })
    }
}

impl Extended {
    fn parse(mut words: Words<'_>) -> Self {
        let [discards, discards_merged, sectors_discarded, discarding_ms] = words.numbers().unwrap_or_default();
        let [flushes, flushing_ms] = words.numbers().unwrap_or_default();
        Self { discards, discards_merged, sectors_discarded, discarding_ms, flushes, flushing_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/diskstats.txt");

    /// A real file gives each number at its place.
    #[test]
    fn a_real_file() {
        let disks: Vec<_> = lines(REAL).filter_map(Line::parse).collect();
        assert_eq!(disks.len(), 10);
        let line = Line::parse(b" 254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13").unwrap();
        assert_eq!((line.number, line.name), ((254, 0), &b"vda"[..]));
        let counters = line.counters;
        assert_eq!([counters.reads, counters.reads_merged, counters.sectors_read, counters.reading_ms], [1, 2, 3, 4]);
        assert_eq!(
            [counters.writes, counters.writes_merged, counters.sectors_written, counters.writing_ms],
            [5, 6, 7, 8]
        );
        assert_eq!([counters.in_flight, counters.busy_ms, counters.waiting_ms], [9, 10, 11]);
    }

    /// Discards, then flushes, each where the kernel counts them.
    #[test]
    fn later_columns() {
        let extended = |later: &str| {
            let line = format!("254 0 vda 1 2 3 4 5 6 7 8 9 10 11{later}");
            let Extended { discards, discards_merged, sectors_discarded, discarding_ms, flushes, flushing_ms } =
                Line::parse(line.as_bytes()).unwrap().counters.extended;
            [discards, discards_merged, sectors_discarded, discarding_ms, flushes, flushing_ms]
        };
        assert_eq!(extended(""), [0; 6]);
        assert_eq!(extended(" 12 13 14"), [0; 6]);
        assert_eq!(extended(" 12 13 14 15"), [12, 13, 14, 15, 0, 0]);
        assert_eq!(extended(" 12 13 14 15 16"), [12, 13, 14, 15, 0, 0]);
        assert_eq!(extended(" 12 13 14 15 16 17 18"), [12, 13, 14, 15, 16, 17]);
    }

    /// Lines that are cut or absurd are left out.
    #[test]
    fn bad_lines_are_left_out() {
        for line in [
            "",
            "8",
            "8 0 sda",
            "8 0 sda 1 2 3 4 5 6 7 8 9 10",
            "8 0 sda 1 2 3 4 5 6 7 8 9 10 x",
            "-8 0 sda 1 2 3 4 5 6 7 8 9 10 11",
            "4294967296 0 sda 1 2 3 4 5 6 7 8 9 10 11",
            "8 0 sda 1 2 3 4 5 6 7 8 9 10 99999999999999999999",
        ] {
            assert_eq!(Line::parse(line.as_bytes()), None, "{line}");
        }
        crate::tests::mutate(REAL, |text| {
            lines(text).filter_map(Line::parse).count();
        });
    }
}
