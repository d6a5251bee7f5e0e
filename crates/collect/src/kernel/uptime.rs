//! `/proc/uptime`: for how long the machine has run, suspended time included.
//!
//! ```text
//! 937.20 1821.02        seconds since the start, idle seconds of all cores
//! ```
//!
//! The file is read rather than the clock of the same name: in a container it may tell the
//! container's age, and then it is the better answer.

use std::io;
use std::path::Path;

use row::{ChartType, Now};

use crate::charts::{Batch, Chart, Form, Owner, PLAIN, absolute};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::scan::{Words, thousandths};

/// The file.
pub(crate) const PATH: &str = "/proc/uptime";

static UPTIME: Form = Form {
    id: "system.uptime",
    context: "system.uptime",
    title: "Time since the start",
    units: "seconds",
    family: "uptime",
    chart_type: ChartType::Line,
    priority: 1000,
    options: PLAIN,
    dimensions: &[absolute("uptime", 1, 1000)],
};

/// Reads `/proc/uptime`.
pub(crate) struct Uptime {
    file: KeptFile,
    uptime_ms: i64,
    chart: Chart,
    owner: Owner,
}

impl Uptime {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            uptime_ms: 0,
            chart: Chart::new(&UPTIME),
            owner: Owner::machine(PATH, update_every_s),
        })
    }
}

impl Module for Uptime {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        self.uptime_ms = parse(self.file.read(buffer)?).ok_or(ReadError::Expected("seconds since the start"))?;
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        batch.row(&mut self.chart, &self.owner, &[self.uptime_ms]);
    }
}

/// Milliseconds since the start.
fn parse(text: &[u8]) -> Option<i64> {
    thousandths(Words::new(text).next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of every kernel, and what is not it.
    #[test]
    fn good_and_bad_files() {
        for (text, expected) in [
            ("937.20 1821.02\n", Some(937_200)),
            ("5", Some(5000)),
            ("", None),
            ("\n", None),
            ("x 1821.02\n", None),
            ("-1.0 2.0\n", None),
            ("9223372036854775807.00 1\n", None),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text}");
        }
        crate::tests::mutate(b"937.20 1821.02\n", |text| {
            parse(text);
        });
    }
}
