//! `/proc/net/stat/nf_conntrack`: connections that the firewall keeps track of.
//!
//! ```text
//! entries  searched found new invalid …       headings
//! 0000002a 00000000 0000000c …                a line per core; the first word is the same in all
//! ```
//!
//! Where that file is missing, the number of connections comes from
//! `/proc/sys/net/netfilter/nf_conntrack_count`.

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, absolute, incremental, line};
use crate::file::{Buffer, KeptFile, read_once, under};
use crate::module::{Module, ReadError};
use crate::pace::Cadence;
use crate::scan::{Words, hexadecimal, lines};

/// The file.
pub(crate) const PATH: &str = "/proc/net/stat/nf_conntrack";
const COUNT_PATH: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const LIMIT_PATH: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
/// Seconds between two readings of the limit.
const LIMIT_EVERY_S: u32 = 10;
/// Words of a line.
const WORDS: usize = 17;

static CONNECTIONS: Form = line(
    "netfilter.conntrack_sockets",
    "Connections kept track of",
    "active connections",
    "conntrack",
    8700,
    &[absolute("connections", 1, 1)],
);
/// The other charts, each with the words that it shows.
static CHARTS: [(Form, &[usize]); 5] = [
    (
        line(
            "netfilter.conntrack_new",
            "New connections",
            "connections/s",
            "conntrack",
            8701,
            &[incremental("new", 1, 1), incremental("ignore", -1, 1), incremental("invalid", -1, 1)],
        ),
        &[3, 5, 4],
    ),
    (
        line(
            "netfilter.conntrack_changes",
            "Changes of the table of connections",
            "changes/s",
            "conntrack",
            8702,
            &[incremental("inserted", 1, 1), incremental("deleted", -1, 1), incremental("delete_list", -1, 1)],
        )
        .detail(),
        &[8, 6, 7],
    ),
    (
        line(
            "netfilter.conntrack_expect",
            "Connections expected to follow others",
            "expectations/s",
            "conntrack",
            8703,
            &[incremental("created", 1, 1), incremental("deleted", -1, 1), incremental("new", 1, 1)],
        )
        .detail(),
        &[14, 15, 13],
    ),
    (
        line(
            "netfilter.conntrack_search",
            "Searches in the table of connections",
            "searches/s",
            "conntrack",
            8710,
            &[incremental("searched", 1, 1), incremental("restarted", -1, 1), incremental("found", 1, 1)],
        )
        .detail(),
        &[1, 16, 2],
    ),
    (
        line(
            "netfilter.conntrack_errors",
            "Connections that could not be tracked",
            "events/s",
            "conntrack",
            8705,
            &[
                incremental("icmp_error", 1, 1),
                incremental("insert_failed", -1, 1),
                incremental("drop", -1, 1),
                incremental("early_drop", -1, 1),
            ],
        )
        .detail(),
        &[12, 9, 10, 11],
    ),
];

/// Reads the file, or that of the number alone.
pub(crate) struct Conntrack {
    file: Source,
    sums: Option<[i64; WORDS]>,
    connections: i64,
    owner: Owner,
    connections_chart: Chart,
    charts: [Chart; 5],
    limit_path: PathBuf,
    limit_cadence: Cadence,
    limit: Option<i64>,
    limit_told: Option<i64>,
}

enum Source {
    Whole(KeptFile),
    CountOnly(KeptFile),
}

impl Conntrack {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        let file = match KeptFile::open(root, PATH) {
            Ok(file) => Source::Whole(file),
            Err(_) => Source::CountOnly(KeptFile::open(root, COUNT_PATH)?),
        };
        Ok(Self {
            file,
            sums: None,
            connections: 0,
            owner: Owner::machine(PATH, update_every_s),
            connections_chart: Chart::new(&CONNECTIONS),
            charts: CHARTS.each_ref().map(|(form, _)| Chart::new(form)),
            limit_path: under(root, LIMIT_PATH),
            limit_cadence: Cadence::new(LIMIT_EVERY_S),
            limit: None,
            limit_told: None,
        })
    }
}

impl Module for Conntrack {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        if self.limit_cadence.is_due(now) {
            self.limit = Words::new(read_once(&self.limit_path, buffer).unwrap_or_default()).number();
        }
        match &self.file {
            Source::Whole(file) => {
                let sums = parse(file.read(buffer)?).ok_or(ReadError::Expected("lines of 17 hexadecimal numbers"))?;
                (self.connections, self.sums) = (sums[0], Some(sums));
            }
            Source::CountOnly(file) => {
                let count = Words::new(file.read(buffer)?).number();
                self.connections = count.ok_or(ReadError::Expected("a number of connections"))?;
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        batch.row(&mut self.connections_chart, &self.owner, &[self.connections]);
        if let Some(sums) = &self.sums {
            for (chart, (_, words)) in self.charts.iter_mut().zip(&CHARTS) {
                let mut values = [0; 4];
                values.iter_mut().zip(*words).for_each(|(value, &word)| *value = sums[word]);
                batch.row(chart, &self.owner, &values[..words.len()]);
            }
        }
        if let Some(limit) = self.limit
            && self.limit_told != self.limit
        {
            self.limit_told = self.limit;
            batch.host_variable("netfilter_conntrack_max", limit as f64);
        }
    }
}

/// The first word of the first line, and the sums of the others over all lines.
fn parse(text: &[u8]) -> Option<[i64; WORDS]> {
    let mut sums: Option<[i64; WORDS]> = None;
    for values in lines(text).skip(1).filter_map(parse_line) {
        match &mut sums {
            None => sums = Some(values),
            Some(sums) => {
                sums.iter_mut().zip(values).skip(1).for_each(|(sum, value)| *sum = sum.wrapping_add(value));
            }
        }
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

    /// Words are summed over cores but the first; short lines are left out.
    #[test]
    fn lines_are_summed() {
        let line = "0000002a 1 2 3 4 5 6 7 8 9 a b c d e f 10";
        let text = format!("entries searched\n{line}\n{line}\n2b 1 2\n{line}\n");
        let sums = parse(text.as_bytes()).unwrap();
        assert_eq!((sums[0], sums[1], sums[10], sums[16]), (42, 3, 30, 48));
        assert_eq!(parse(b"entries\n"), None);
        assert_eq!(parse(b""), None);
        crate::tests::mutate(text.as_bytes(), |text| {
            parse(text);
        });
    }
}
