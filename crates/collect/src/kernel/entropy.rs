//! `/proc/sys/kernel/random/entropy_avail`: how much randomness the kernel has at hand, in bits.

use std::io;
use std::path::Path;

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, absolute, line};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::scan::Words;

/// The file.
pub(crate) const PATH: &str = "/proc/sys/kernel/random/entropy_avail";

static ENTROPY: Form =
    line("system.entropy", "Randomness at hand", "entropy", "entropy", 1000, &[absolute("entropy", 1, 1)]);

/// Reads the file.
pub(crate) struct Entropy {
    file: KeptFile,
    bits: i64,
    chart: Chart,
    owner: Owner,
}

impl Entropy {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let file = KeptFile::open(root, PATH)?;
        Ok(Self { file, bits: 0, chart: Chart::new(&ENTROPY), owner: Owner::machine(PATH, update_every_s) })
    }
}

impl Module for Entropy {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        self.bits = Words::new(self.file.read(buffer)?).number().ok_or(ReadError::Expected("a number of bits"))?;
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        batch.row(&mut self.chart, &self.owner, &[self.bits]);
    }
}
