//! `/sys/kernel/mm/ksm`: pages of programs that are the same and stored once.
//!
//! Each file holds a number of pages. As long as there are none, which is so unless somebody switched
//! this on, they are read now and then only.

use std::io;
use std::path::Path;

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, absolute, line};
use crate::file::{Buffer, NumberFile, under};
use crate::module::{Module, ReadError};
use crate::pace::Cadence;
use crate::page_size::page_size_bytes;

/// The folder of the files.
pub(crate) const PATH: &str = "/sys/kernel/mm/ksm";
const FILES: [&str; 4] = ["pages_shared", "pages_unshared", "pages_sharing", "pages_volatile"];
/// The place of the pages that are not stored since they are the same as others.
const SHARING: usize = 2;
/// Seconds between two readings as long as there is nothing to tell.
const CALM_EVERY_S: u32 = 10;
const MIB: i32 = 1024 * 1024;

static PAGES: Form = line(
    "mem.ksm",
    "Memory of which equal pages are looked for",
    "MiB",
    "ksm",
    1300,
    &[
        absolute("shared", 1, MIB),
        absolute("unshared", -1, MIB),
        absolute("sharing", 1, MIB),
        absolute("volatile", -1, MIB),
    ],
)
.stacked();
static SAVINGS: Form = line(
    "mem.ksm_savings",
    "Memory that is not needed since its pages equal others",
    "MiB",
    "ksm",
    1301,
    &[absolute("savings", -1, MIB), absolute("offered", 1, MIB)],
)
.area();
static RATIO: Form = line(
    "mem.ksm_ratios",
    "Share of memory that is not needed since its pages equal others",
    "percentage",
    "ksm",
    1302,
    &[absolute("savings", 1, 10_000)],
);

/// Reads the files.
pub(crate) struct Ksm {
    files: [NumberFile; FILES.len()],
    /// Bytes, in the order of the files.
    bytes: [i64; FILES.len()],
    page_bytes: i64,
    calm: Cadence,
    pages: Chart,
    savings: Chart,
    ratio: Chart,
    owner: Owner,
}

impl Ksm {
    /// Opens the files under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let folder = under(root, PATH);
        let open = |at: usize| NumberFile::open(&folder.join(FILES[at]));
        Ok(Self {
            files: [open(0)?, open(1)?, open(2)?, open(3)?],
            bytes: [0; FILES.len()],
            page_bytes: page_size_bytes().into(),
            calm: Cadence::new(CALM_EVERY_S),
            pages: Chart::new(&PAGES),
            savings: Chart::new(&SAVINGS),
            ratio: Chart::new(&RATIO),
            owner: Owner::machine(PATH, update_every_s),
        })
    }
}

impl Module for Ksm {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        if !self.calm.is_due(now) && !self.pages.is_defined() {
            return Ok(());
        }
        for (bytes, file) in self.bytes.iter_mut().zip(&self.files) {
            let pages = file.read(buffer).ok_or(ReadError::Expected("a number of pages in each file"))?;
            *bytes = pages.wrapping_mul(self.page_bytes);
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let shows = self.bytes != [0; FILES.len()];
        let (saved, offered) = saved(&self.bytes);
        batch.row_once(shows, &mut self.pages, &self.owner, &self.bytes);
        batch.row_once(shows, &mut self.savings, &self.owner, &[saved, offered]);
        batch.row_once(shows, &mut self.ratio, &self.owner, &[millionths(saved, offered)]);
    }
}

/// Bytes that are saved, of how many.
fn saved(bytes: &[i64; FILES.len()]) -> (i64, i64) {
    (bytes[SHARING], bytes.iter().fold(0, |sum, bytes| sum.wrapping_add(*bytes)))
}

/// A share in millionths, that is in percent with four places.
pub(super) fn millionths(part: i64, whole: i64) -> i64 {
    if whole == 0 { 0 } else { (i128::from(part) * 1_000_000 / i128::from(whole)) as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Savings and their share, also of nothing and of absurd numbers.
    #[test]
    fn savings_and_shares() {
        assert_eq!(saved(&[4096, 8192, 12_288, 0]), (12_288, 24_576));
        assert_eq!(millionths(12_288, 24_576), 500_000);
        assert_eq!(millionths(1, 0), 0);
        assert_eq!(millionths(i64::MIN, -1), i64::MIN.unsigned_abs().wrapping_mul(1_000_000).cast_signed());
    }
}
