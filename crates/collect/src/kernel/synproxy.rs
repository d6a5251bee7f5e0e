//! `/proc/net/stat/synproxy`: connections whose beginning the firewall answers itself.
//!
//! ```text
//! entries syn_received cookie_invalid cookie_valid cookie_retrans conn_reopened       headings
//! 00000000 00000000 00000000 00000000 00000000 00000000                               a line per core
//! ```
//!
//! As long as all is zero, which is so unless a rule wants this, the file is read now and then only.

use std::io;
use std::path::Path;

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, incremental, line};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::pace::Cadence;
use crate::scan::{Words, hexadecimal, lines};

/// The file.
pub(crate) const PATH: &str = "/proc/net/stat/synproxy";
/// Words of a line.
const WORDS: usize = 6;
/// Seconds between two readings as long as there is nothing to tell.
const CALM_EVERY_S: u32 = 10;

/// The charts, each with the words that it shows.
static CHARTS: [(Form, &[usize]); 3] = [
    (
        line(
            "netfilter.synproxy_syn_received",
            "Requests for connections that were answered for others",
            "packets/s",
            "synproxy",
            8751,
            &[incremental("received", 1, 1)],
        ),
        &[1],
    ),
    (
        line(
            "netfilter.synproxy_cookies",
            "Answers to such requests that came back",
            "cookies/s",
            "synproxy",
            8752,
            &[incremental("valid", 1, 1), incremental("invalid", -1, 1), incremental("retransmits", 1, 1)],
        ),
        &[3, 2, 4],
    ),
    (
        line(
            "netfilter.synproxy_conn_reopened",
            "Connections that were opened again",
            "connections/s",
            "synproxy",
            8753,
            &[incremental("reopened", 1, 1)],
        ),
        &[5],
    ),
];

/// Reads the file.
pub(crate) struct Synproxy {
    file: KeptFile,
    sums: [i64; WORDS],
    calm: Cadence,
    charts: [Chart; CHARTS.len()],
    owner: Owner,
}

impl Synproxy {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            sums: [0; WORDS],
            calm: Cadence::new(CALM_EVERY_S),
            charts: CHARTS.each_ref().map(|(form, _)| Chart::new(form)),
            owner: Owner::machine(PATH, update_every_s),
        })
    }
}

impl Module for Synproxy {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let is_shown = self.charts.iter().any(Chart::is_defined);
        if self.calm.is_due(now) || is_shown {
            self.sums = parse(self.file.read(buffer)?).ok_or(ReadError::Expected("lines of 6 hexadecimal numbers"))?;
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        for (chart, (_, words)) in self.charts.iter_mut().zip(&CHARTS) {
            let mut values = [0; 3];
            values.iter_mut().zip(*words).for_each(|(value, &word)| *value = self.sums[word]);
            let values = &values[..words.len()];
            batch.row_once(values.iter().any(|&value| value != 0), chart, &self.owner, values);
        }
    }
}

/// The sums over all lines but the headings.
fn parse(text: &[u8]) -> Option<[i64; WORDS]> {
    let mut sums: Option<[i64; WORDS]> = None;
    for values in lines(text).skip(1).filter_map(parse_line) {
        let sums = sums.get_or_insert([0; WORDS]);
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.wrapping_add(value));
    }
    sums
}

fn parse_line(line: &[u8]) -> Option<[i64; WORDS]> {
    let mut words = Words::new(line);
    let mut values = [0; WORDS];
    for value in &mut values {
        *value = hexadecimal(words.next()?)?;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words are summed over cores; short lines are left out.
    #[test]
    fn lines_are_summed() {
        let text = b"entries\t\tsyn_received\n0 a 1 2 3 4\n0 b 1 2 3 4\n0 1 2\n0 c x 2 3 4\n0 1 0 0 0 0 7\n";
        assert_eq!(parse(text), Some([0, 22, 2, 4, 6, 8]));
        assert_eq!(parse(b"entries\n"), None);
        assert_eq!(parse(b""), None);
        crate::tests::mutate(text, |text| {
            parse(text);
        });
    }
}
