//! `/proc/mdstat`: disks that are arrays of others.
//!
//! ```text
//! md0 : active raid1 sdb1[1] sda1[0]
//!       1953511936 blocks super 1.2 [2/1] [U_]                    of two disks one is in use
//!       [=>......]  recovery =  8.5% (1/2) finish=42.4min speed=33440K/sec
//! ```
//!
//! An array without a number of disks in use keeps no copies: it is there or not.

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Chart, Form, Member, MemberChart, Owner, absolute, line};
use crate::file::{Buffer, KeptFile, NumberFile, under};
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::roster::Roster;
use crate::scan::{Words, lines, number, thousandths};

/// The file.
pub(crate) const PATH: &str = "/proc/mdstat";
/// Arrays that are looked at; those beyond are left out.
const ARRAYS_MAX: usize = 512;
/// With more arrays than these their mismatches are not read: that is a file of its own for each.
const MISMATCHES_MAX: usize = 50;
/// What may be going on in an array, in the order of the dimensions.
const OPERATIONS: [&[u8]; 4] = [b"check", b"resync", b"recovery", b"reshape"];

static HEALTH: Form =
    line("mdstat.mdstat_health", "Disks that arrays lack", "failed disks", "health", 2100, &[]).of("md.health");
static AVAILABILITY: Form =
    line("mdstat.{}_availability", "Whether the array is there", "boolean", "", 2105, &[absolute("available", 1, 1)])
        .of("md.nonredundant");
static DISKS: Form = line(
    "mdstat.{}_disks",
    "Disks of the array that are in use, and that it lacks",
    "disks",
    "",
    2106,
    &[absolute("inuse", 1, 1), absolute("down", 1, 1)],
)
.of("md.disks")
.stacked();
static MISMATCH: Form = line(
    "mdstat.{}_mismatch",
    "Blocks whose copies differed at the last check",
    "unsynchronized blocks",
    "",
    2107,
    &[absolute("count", 1, 1)],
)
.of("md.mismatch_cnt");
static OPERATION: Form = line(
    "mdstat.{}_operation",
    "How far what is going on has come",
    "percent",
    "",
    2108,
    &[absolute("check", 1, 100), absolute("resync", 1, 100), absolute("recovery", 1, 100), absolute("reshape", 1, 100)],
)
.of("md.status");
static FINISH: Form = line(
    "mdstat.{}_finish",
    "Time until what is going on will be done",
    "seconds",
    "",
    2109,
    &[absolute("finish_in", 1, 1)],
)
.of("md.expected_time_until_operation_finish");
static SPEED: Form =
    line("mdstat.{}_speed", "Speed of what is going on", "KiB/s", "", 2110, &[absolute("speed", 1, 1)])
        .of("md.operation_speed");

/// Reads `/proc/mdstat`.
pub(crate) struct Mdstat {
    file: KeptFile,
    root: PathBuf,
    arrays: Roster<Array>,
    /// Arrays listed for the first time in this reading; looked up once the buffer is free again.
    new: Vec<(Vec<u8>, Vec<u8>, State)>,
    health: MemberChart,
    owner: Owner,
}

struct Array {
    level: Vec<u8>,
    state: State,
    mismatch_file: Option<NumberFile>,
    mismatches: Option<i64>,
    failed: Member,
    owner: Owner,
    charts: Charts,
}

struct Charts {
    availability: Chart,
    disks: Chart,
    mismatch: Chart,
    operation: Chart,
    finish: Chart,
    speed: Chart,
}

impl Mdstat {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            root: root.to_path_buf(),
            arrays: Roster::new(),
            new: Vec::new(),
            health: MemberChart::new(&HEALTH, absolute("", 1, 1)),
            owner: Owner::machine(PATH, update_every_s),
        })
    }

    fn add_new(&mut self) {
        for (name, level, state) in std::mem::take(&mut self.new) {
            let at = self.arrays.len();
            self.arrays.add(&name, Array::new(&self.root, at, &name, level, state, self.owner.update_every_s));
        }
    }
}

impl Module for Mdstat {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        // A line names all disks of an array.
        let text = self.file.read_to_end(buffer)?;
        if !text.is_empty() && !lines(text).any(|line| line.starts_with(b"Personalities") || is_array(line)) {
            return Err(ReadError::Expected("lines of arrays"));
        }
        self.arrays.begin();
        for (name, level, state) in parse(text) {
            if let Some(known) = self.arrays.find(name) {
                if known.level == level {
                    known.state = state;
                } else {
                    // Its labels say another level: it is dropped, and new in the next reading.
                    known.level.clear();
                }
            } else if self.arrays.len() + self.new.len() < ARRAYS_MAX {
                self.new.push((name.to_vec(), level.to_vec(), state));
            }
        }
        self.add_new();
        let wanted = self.arrays.len() <= MISMATCHES_MAX;
        for array in self.arrays.devices() {
            let file = array.mismatch_file.as_ref().filter(|_| wanted && array.state.disks.is_some());
            array.mismatches = file.and_then(|file| file.read(buffer));
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let Self { arrays, health, owner, .. } = self;
        let mut farewell = |array: &mut Array| {
            batch.dismiss(health, (&array.owner.device, ""), &mut array.failed);
            array.charts.obsolete(batch);
        };
        arrays.drop_unlisted(&mut farewell);
        arrays.drop_lost(|array| array.level.is_empty(), farewell);
        for array in arrays.devices() {
            if array.state.disks.is_some() {
                batch.enlist(health, owner, (&array.owner.device, ""), &mut array.failed);
            }
            array.write(batch);
        }
        if arrays.all().any(|array| array.state.disks.is_some()) {
            let failed = arrays.all().filter_map(|array| Some((&array.failed, array.state.disks?.failed())));
            batch.member_row(health, failed);
        }
    }
}

impl Array {
    fn new(root: &Path, at: usize, name: &[u8], level: Vec<u8>, state: State, update_every_s: u32) -> Self {
        let (name, level_text) = (text_of(name), text_of(&level));
        let folder = under(root, "/sys/block").join(&name);
        Self {
            level,
            state,
            mismatch_file: NumberFile::open(&folder.join("md/mismatch_cnt")).ok(),
            mismatches: None,
            failed: Member::default(),
            owner: Owner {
                family: format!("{name} ({level_text})"),
                priority_offset: 10 * at as i32,
                labels: vec![("device", name.clone()), ("raid_level", level_text)],
                device: name,
                ..Owner::machine(PATH, update_every_s)
            },
            charts: Charts::new(),
        }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let Self { charts, owner, state, .. } = self;
        let Some(disks) = state.disks else {
            batch.row(&mut charts.availability, owner, &[1]);
            return;
        };
        batch.row(&mut charts.disks, owner, &[disks.in_use, disks.failed()]);
        if let Some(mismatches) = self.mismatches {
            batch.row(&mut charts.mismatch, owner, &[mismatches]);
        }
        batch.row(&mut charts.operation, owner, &state.hundredths);
        batch.row(&mut charts.finish, owner, &[state.finish_s]);
        batch.row(&mut charts.speed, owner, &[state.speed_kib]);
    }
}

impl Charts {
    const fn new() -> Self {
        Self {
            availability: Chart::new(&AVAILABILITY),
            disks: Chart::new(&DISKS),
            mismatch: Chart::new(&MISMATCH),
            operation: Chart::new(&OPERATION),
            finish: Chart::new(&FINISH),
            speed: Chart::new(&SPEED),
        }
    }

    fn obsolete(&mut self, batch: &mut Batch<'_>) {
        let Self { availability, disks, mismatch, operation, finish, speed } = self;
        for chart in [availability, disks, mismatch, operation, finish, speed] {
            batch.obsolete(chart);
        }
    }
}

/// How an array is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct State {
    /// None for an array that keeps no copies.
    disks: Option<Disks>,
    /// How far each operation has come, in hundredths of a percent.
    hundredths: [i64; OPERATIONS.len()],
    finish_s: i64,
    speed_kib: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Disks {
    total: i64,
    in_use: i64,
}

impl Disks {
    fn failed(self) -> i64 {
        self.total.saturating_sub(self.in_use)
    }
}

/// The arrays that are active: name, level and state of each.
fn parse(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], State)> {
    let mut rest = lines(text).peekable();
    std::iter::from_fn(move || {
        loop {
            let (name, level) = name_and_level(rest.next()?).unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            let mut state = State::default();
            // What is said of an array follows it, until the next begins at the margin.
            while let Some(line) = rest.next_if(|line| line.first().is_some_and(u8::is_ascii_whitespace)) {
                state.add(line);
            }
            return Some((name, level, state));
        }
    })
}

fn is_array(line: &[u8]) -> bool {
    name_and_level(line).is_some()
}

fn name_and_level(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let mut words = Words::new(&line[colon + 1..]);
    let name = Words::new(&line[..colon]).next()?;
    words.next().filter(|word| word.starts_with(b"a"))?;
    // `(read-only)` may stand before the level.
    let level = words.find(|word| !word.starts_with(b"("))?;
    Some((name, level))
}

impl State {
    fn add(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.first() == Some(&b'[') {
            self.add_operation(line);
        } else if let Some(disks) = disks(line) {
            self.disks = Some(disks);
        }
    }

    fn add_operation(&mut self, line: &[u8]) {
        let mut words = Words::new(line).skip(1);
        let Some(name) = words.next() else { return };
        let Some(operation) = OPERATIONS.iter().position(|operation| *operation == name) else { return };
        for word in words {
            if let Some(percent) = word.strip_suffix(b"%") {
                // `=12.3%` where the number has two digits, `= 1.2%` where it has one.
                let percent = percent.strip_prefix(b"=").unwrap_or(percent);
                self.hundredths[operation] = thousandths(percent).unwrap_or(0) / 10;
            } else if let Some(minutes) = word.strip_prefix(b"finish=").and_then(|word| word.strip_suffix(b"min")) {
                self.finish_s = thousandths(minutes).unwrap_or(0).saturating_mul(60) / 1000;
            } else if let Some(speed) = word.strip_prefix(b"speed=").and_then(|word| word.strip_suffix(b"K/sec")) {
                self.speed_kib = number(speed).unwrap_or(0);
            }
        }
    }
}

/// The numbers of a line that ends with `[2/1] [U_]`.
fn disks(line: &[u8]) -> Option<Disks> {
    let (mut before, mut last) = (&b""[..], &b""[..]);
    for word in Words::new(line) {
        (before, last) = (last, word);
    }
    last.starts_with(b"[").then_some(())?;
    let numbers = before.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let slash = numbers.iter().position(|&byte| byte == b'/')?;
    Some(Disks { total: number(&numbers[..slash])?, in_use: number(&numbers[slash + 1..])? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/mdstat.txt");

    /// Each kind of array is understood, with what is going on in it.
    #[test]
    fn a_real_file() {
        let arrays: Vec<_> = parse(REAL).collect();
        let two = |total, in_use| Some(Disks { total, in_use });
        let expected: [(&str, &str, State); 6] = [
            ("md0", "raid1", State { disks: two(2, 2), ..State::default() }),
            (
                "md1",
                "raid6",
                State { disks: two(6, 5), hundredths: [0, 0, 1260, 0], finish_s: 7650, speed_kib: 33_440 },
            ),
            ("md2", "raid0", State::default()),
            ("md3", "raid10", State { disks: two(4, 4), hundredths: [120, 0, 0, 0], finish_s: 30, speed_kib: 7 }),
            ("md127", "raid1", State { disks: two(2, 1), ..State::default() }),
            ("md5", "linear", State::default()),
        ];
        assert_eq!(arrays.len(), expected.len());
        for (found, (name, level, state)) in arrays.iter().zip(expected) {
            assert_eq!(*found, (name.as_bytes(), level.as_bytes(), state));
        }
    }

    /// A file without arrays, and files that are cut or absurd.
    #[test]
    fn empty_and_bad_files() {
        for text in ["", "Personalities : \nunused devices: <none>\n", "md0 : inactive sda[0](S)\n   7 blocks\n", ":\n"]
        {
            assert_eq!(parse(text.as_bytes()).count(), 0, "{text}");
        }
        let text = b"md0 : active raid1 a[0]\n 1 blocks [-2/99999999999999999999] [U]\n [>] resync=DELAYED\n";
        assert_eq!(parse(text).next(), Some((&b"md0"[..], &b"raid1"[..], State::default())));
        crate::tests::mutate(REAL, |text| {
            parse(text).count();
        });
    }
}
