//! `/proc/net/softnet_stat`: packets that cores took from their queues.
//!
//! ```text
//! 00033cc2 00000000 00000001 …       a line per core that is on, hexadecimal words of 32 bits
//! processed dropped  squeezed 3-8 received_rps flow_limit_count
//! ```

use std::io;
use std::path::Path;

use row::{DimensionDefinition, Now};

use crate::charts::{Batch, Chart, Form, Owner, incremental, line};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::scan::{Words, hexadecimal, lines};

/// The file.
pub(crate) const PATH: &str = "/proc/net/softnet_stat";
/// Cores that have charts of their own, at most.
const CORES_MAX: usize = 32;
/// The words that are shown; kernels before 2.6.36 and 3.11 lack the last ones.
const WORDS: [usize; 5] = [0, 1, 2, 9, 10];
/// Words of a line of the oldest kernels.
const WORDS_MIN: usize = 9;

const DIMENSIONS: &[DimensionDefinition<'static>] = &[
    incremental("processed", 1, 1),
    incremental("dropped", 1, 1),
    incremental("squeezed", 1, 1),
    incremental("received_rps", 1, 1),
    incremental("flow_limit_count", 1, 1),
];

static ALL: Form = line(
    "system.softnet_stat",
    "Packets taken from the queues of the cores",
    "events/s",
    "softnet_stat",
    955,
    DIMENSIONS,
);
static CORE: Form =
    line("cpu", "Packets taken from the queue of one core", "events/s", "softnet_stat", 4101, DIMENSIONS)
        .of("cpu.softnet_stat");

/// Reads `/proc/net/softnet_stat`.
pub(crate) struct Softnet {
    file: KeptFile,
    owner: Owner,
    all: Chart,
    sums: [i64; WORDS.len()],
    /// How many of the words there are.
    known: usize,
    per_core: bool,
    cores: Vec<(Chart, Owner, [i64; WORDS.len()])>,
    listed: usize,
}

impl Softnet {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32, per_core: bool) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            owner: Owner::machine(PATH, update_every_s),
            all: Chart::new(&ALL),
            sums: [0; WORDS.len()],
            known: 0,
            per_core,
            cores: Vec::new(),
            listed: 0,
        })
    }

    fn core(&mut self, values: [i64; WORDS.len()]) {
        let number = self.listed;
        self.listed += 1;
        if number == self.cores.len() && number < CORES_MAX {
            let owner = Owner {
                device: format!("cpu{number}_softnet_stat"),
                priority_offset: number as i32,
                ..Owner::machine(PATH, self.owner.update_every_s)
            };
            self.cores.push((Chart::new(&CORE), owner, values));
        } else if let Some((_, _, latest)) = self.cores.get_mut(number) {
            *latest = values;
        }
    }
}

impl Module for Softnet {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        (self.sums, self.listed, self.known) = ([0; WORDS.len()], 0, 0);
        let text = self.file.read(buffer)?;
        for (known, values) in lines(text).filter_map(parse) {
            self.known = known;
            self.sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.wrapping_add(value));
            if self.per_core {
                self.core(values);
            }
        }
        if self.known == 0 { Err(ReadError::Expected("lines of hexadecimal numbers")) } else { Ok(()) }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        // The kernel counts in 32 bits, and so does the sum: it wraps as its parts do.
        let sums = self.sums.map(|sum| sum & i64::from(u32::MAX));
        batch.row(&mut self.all, &self.owner, &sums[..self.known]);
        let listed = self.listed.min(self.cores.len());
        for (chart, owner, values) in &mut self.cores[..listed] {
            batch.row(chart, owner, &values[..self.known]);
        }
    }
}

/// How many of the words a line has, and their values.
fn parse(line: &[u8]) -> Option<(usize, [i64; WORDS.len()])> {
    let mut values = [0; WORDS.len()];
    let (mut known, mut words) = (0, 0);
    for (at, word) in Words::new(line).enumerate().take(WORDS[WORDS.len() - 1] + 1) {
        words = at + 1;
        if WORDS[known] == at {
            values[known] = hexadecimal(word)?;
            known += 1;
        }
    }
    (words >= WORDS_MIN).then_some((known, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = "00033cc2 00000001 0000000a 0 0 0 0 0 0 00000007 ffffffff 00000000 00000000\n";

    /// Words are hexadecimal, old kernels have fewer; lines that are cut or absurd are left out.
    #[test]
    fn good_and_bad_lines() {
        for (line, expected) in [
            (REAL, Some((5, [0x33cc2, 1, 10, 7, 0xffff_ffff]))),
            ("1 2 3 4 5 6 7 8 9", Some((3, [1, 2, 3, 0, 0]))),
            ("1 2 3 4 5 6 7 8 9 a", Some((4, [1, 2, 3, 10, 0]))),
            ("1 2 3 4 5 6 7 8", None),
            ("1 x 3 4 5 6 7 8 9", None),
            ("1 2 00000000000000003 4 5 6 7 8 9", None),
            ("", None),
        ] {
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
        crate::tests::mutate(REAL.as_bytes(), |text| {
            lines(text).filter_map(parse).count();
        });
    }
}
