//! `/proc/net/rpc/nfs` and `/proc/net/rpc/nfsd`: the network file system, as client and as server.
//!
//! ```text
//! net 18 0 18 2                   a word and numbers
//! proc3 22 0 131 0 20 …           the same for calls, after how many procedures there are
//! ```

use std::io;
use std::path::Path;

use row::Now;

use crate::charts::{Batch, Chart, GrowingChart, Growth, Owner};
use crate::file::{Buffer, KeptFile};
use crate::kernel::nfs_charts::{CLIENT, Called, SERVER, Shown, Table};
use crate::module::{Module, ReadError};
use crate::scan::{Words, lines, number};

/// The file of the client.
pub(crate) const CLIENT_PATH: &str = "/proc/net/rpc/nfs";
/// The file of the server.
pub(crate) const SERVER_PATH: &str = "/proc/net/rpc/nfsd";
/// The most numbers of a chart that is no chart of calls.
const NUMBERS_MAX: usize = 4;

/// Reads one of the files.
pub(crate) struct Nfs {
    path: &'static str,
    file: KeptFile,
    reading: Reading,
    shown_charts: Vec<Chart>,
    called_charts: Vec<GrowingChart>,
    owner: Owner,
}

impl Nfs {
    /// Opens the file of the client under `root`.
    pub(crate) fn client(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Self::open(root, CLIENT_PATH, &CLIENT, update_every_s)
    }

    /// Opens the file of the server under `root`.
    pub(crate) fn server(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Self::open(root, SERVER_PATH, &SERVER, update_every_s)
    }

    fn open(root: &Path, path: &'static str, table: &'static Table, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            path,
            file: KeptFile::open(root, path)?,
            reading: Reading::new(table),
            shown_charts: table.shown.iter().map(|shown| Chart::new(&shown.form)).collect(),
            called_charts: table.called.iter().map(|called| GrowingChart::new(&called.form).together()).collect(),
            owner: Owner::machine(path, update_every_s),
        })
    }
}

impl Module for Nfs {
    fn name(&self) -> &'static str {
        self.path
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        match self.reading.parse(self.file.read(buffer)?) {
            0 => Err(ReadError::Expected("lines of net, rpc and their like")),
            _ => Ok(()),
        }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        for (chart, (shown, values)) in self.shown_charts.iter_mut().zip(&self.reading.shown) {
            if let Some(values) = values {
                let values = &values[..shown.numbers.len()];
                batch.row_once(values.iter().any(|&value| value != 0), chart, &self.owner, values);
            }
        }
        for (chart, (called, calls)) in self.called_charts.iter_mut().zip(&self.reading.called) {
            let growth = |(id, &value): (&'static str, &i64)| Growth { id, name: "", value: Some(value) };
            batch.growing_row(chart, &self.owner, called.names().zip(calls).map(growth));
        }
    }
}

/// What a file said.
struct Reading {
    shown: Vec<(&'static Shown, Option<[i64; NUMBERS_MAX]>)>,
    /// As many numbers as the line had, and names are known.
    called: Vec<(&'static Called, Vec<i64>)>,
}

impl Reading {
    fn new(table: &'static Table) -> Self {
        let with_room = |called: &'static Called| (called, Vec::with_capacity(called.names().count()));
        Self {
            shown: table.shown.iter().map(|shown| (shown, None)).collect(),
            called: table.called.iter().map(with_room).collect(),
        }
    }

    /// Returns how many lines were understood.
    fn parse(&mut self, text: &[u8]) -> usize {
        self.shown.iter_mut().for_each(|(_, values)| *values = None);
        self.called.iter_mut().for_each(|(_, calls)| calls.clear());
        lines(text).filter(|line| self.parse_line(line)).count()
    }

    fn parse_line(&mut self, line: &[u8]) -> bool {
        let mut words = Words::new(line);
        let Some(name) = words.next() else { return false };
        if let Some((shown, values)) = self.shown.iter_mut().find(|(shown, _)| shown.line.as_bytes() == name) {
            *values = pick(shown.numbers, &words);
            return values.is_some();
        }
        let Some((called, calls)) = self.called.iter_mut().find(|(called, _)| called.line.as_bytes() == name) else {
            return false;
        };
        calls.clear();
        // How many there are is seen by counting.
        calls.extend(words.skip(1).map_while(number).zip(called.names()).map(|(count, _)| count));
        !calls.is_empty()
    }
}

/// The words at these places as numbers; `None` where one is missing or is no number.
fn pick(places: &[usize], words: &Words<'_>) -> Option<[i64; NUMBERS_MAX]> {
    let mut values = [0; NUMBERS_MAX];
    for (value, &place) in values.iter_mut().zip(places) {
        *value = words.clone().nth(place).and_then(number)?;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_TEXT: &[u8] = include_bytes!("../../tests/files/nfs.txt");
    const SERVER_TEXT: &[u8] = include_bytes!("../../tests/files/nfsd.txt");

    fn shown(reading: &Reading, id: &str) -> Option<Vec<i64>> {
        let (shown, values) = reading.shown.iter().find(|(shown, _)| shown.form.id == id).unwrap();
        values.map(|values| values[..shown.numbers.len()].to_vec())
    }

    fn calls(reading: &Reading, id: &str, name: &str) -> Option<i64> {
        let (called, calls) = reading.called.iter().find(|(called, _)| called.form.id == id).unwrap();
        calls.get(called.names().position(|known| known == name)?).copied()
    }

    /// Real files give each number at its place.
    #[test]
    fn real_files() {
        let mut reading = Reading::new(&CLIENT);
        assert_eq!(reading.parse(CLIENT_TEXT), 4);
        assert_eq!(shown(&reading, "nfs.net"), Some(vec![0, 18]));
        assert_eq!(shown(&reading, "nfs.rpc"), Some(vec![4711, 3, 4712]));
        assert_eq!(calls(&reading, "nfs.proc3", "getattr"), Some(131));
        assert_eq!(calls(&reading, "nfs.proc4", "clone"), Some(8));
        assert_eq!(calls(&reading, "nfs.proc2", "null"), None);
        let mut reading = Reading::new(&SERVER);
        assert_eq!(reading.parse(SERVER_TEXT), 9);
        assert_eq!(shown(&reading, "nfsd.readcache"), Some(vec![1, 2, 300]));
        assert_eq!(shown(&reading, "nfsd.rpc"), Some(vec![303, 1, 2]));
        assert_eq!(calls(&reading, "nfsd.proc4", "compound"), Some(290));
        assert_eq!(calls(&reading, "nfsd.proc4ops", "write"), Some(17));
        assert_eq!(calls(&reading, "nfsd.proc4ops", "getxattr"), None, "the kernel tells of fewer");
    }

    /// Lines that are cut, absurd, or of more procedures than are known.
    #[test]
    fn bad_files() {
        let mut reading = Reading::new(&CLIENT);
        assert_eq!(reading.parse(b"net 1 2\nrpc -1 2 3\nproc2 18\nproc3\nother 1 2 3\n"), 0);
        let long = format!("proc2 500{}\n", " 7".repeat(500));
        assert_eq!(reading.parse(long.as_bytes()), 1);
        assert_eq!(reading.called[0].1.len(), reading.called[0].0.names().count());
        for table in [&CLIENT, &SERVER] {
            let mut reading = Reading::new(table);
            crate::tests::mutate(&[CLIENT_TEXT, SERVER_TEXT].concat(), |text| {
                reading.parse(text);
            });
        }
    }

    /// No table wants a line or an id twice, or more numbers than are kept.
    #[test]
    fn the_tables_are_sound() {
        for table in [&CLIENT, &SERVER] {
            let shown = table.shown.iter().map(|shown| (shown.line, shown.form.id));
            let mut seen: Vec<_> =
                shown.chain(table.called.iter().map(|called| (called.line, called.form.id))).collect();
            let all = seen.len();
            seen.sort_unstable();
            seen.dedup_by_key(|(line, _)| *line);
            seen.sort_by_key(|(_, id)| *id);
            seen.dedup_by_key(|(_, id)| *id);
            assert_eq!(seen.len(), all);
            for shown in table.shown {
                assert!(shown.numbers.len() <= NUMBERS_MAX && shown.numbers.len() == shown.form.dimensions.len());
            }
            for called in table.called {
                let mut names: Vec<_> = called.names().collect();
                assert!(names.iter().all(|name| !name.is_empty()), "{}", called.form.id);
                let all = names.len();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), all, "{}", called.form.id);
            }
        }
    }
}
