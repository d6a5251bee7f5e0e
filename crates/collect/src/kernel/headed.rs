//! Files of pairs of lines, the first with names and the second with their values, such as
//! `netstat` and `snmp`.
//!
//! ```text
//! Tcp: ActiveOpens PassiveOpens CurrEstab
//! Tcp: 39059 38600 38
//! ```
//!
//! Kernels differ in their columns, so columns are found by name. Headings hardly ever change: each
//! is compared with the one read before, and its names are looked up only when it is another.

use crate::kernel::counted::{Counters, Slot};
use crate::scan::{Words, lines, signed};

/// The most pairs of a file.
const PAIRS_MAX: usize = 64;

/// The headings of a file.
#[derive(Debug, Default)]
pub(crate) struct Headed(Vec<Heading>);

#[derive(Debug)]
struct Heading {
    line: Vec<u8>,
    /// By column after the group; `None` where nobody wants it.
    columns: Vec<Option<Slot>>,
}

impl Headed {
    /// Sets what `text` says of the counters; returns how many pairs of lines it has.
    pub(crate) fn parse(&mut self, text: &[u8], counters: &mut Counters) -> usize {
        let mut lines = lines(text);
        let mut pairs = 0;
        while let (Some(heading), Some(values)) = (lines.next(), lines.next()) {
            if pairs == PAIRS_MAX || Words::new(heading).next() != Words::new(values).next() {
                break;
            }
            for (column, word) in self.columns(pairs, heading, counters).iter().zip(Words::new(values).skip(1)) {
                if let Some(slot) = column {
                    counters.set(*slot, signed(word).unwrap_or(0));
                }
            }
            pairs += 1;
        }
        pairs
    }

    fn columns(&mut self, at: usize, line: &[u8], counters: &Counters) -> &[Option<Slot>] {
        if self.0.get(at).is_none_or(|heading| heading.line != line) {
            self.0.truncate(at);
            self.0.push(Heading::new(line, counters));
        }
        &self.0[at].columns
    }
}

impl Heading {
    fn new(line: &[u8], counters: &Counters) -> Self {
        let mut words = Words::new(line);
        let group = words.next().and_then(|word| word.strip_suffix(b":")).unwrap_or_default();
        Self { line: line.to_vec(), columns: words.map(|name| counters.slot(group, name)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns are found by name, wherever they stand, also once headings change.
    #[test]
    fn columns_are_found_by_name() {
        let mut counters = Counters::new(crate::kernel::ip_charts::CHARTS);
        let mut headed = Headed::default();
        for (text, pairs, opens, resets) in [
            ("Tcp: A ActiveOpens CurrEstab OutRsts\nTcp: 1 2 3 4\nTcpExt: TCPSynRetrans\nTcpExt: 5\n", 2, 2, 4),
            ("Tcp: A ActiveOpens CurrEstab OutRsts\nTcp: 1 3 -1 5\n", 1, 3, 5),
            ("Tcp: OutRsts ActiveOpens\nTcp: 7 8\n", 1, 8, 7),
            ("Tcp: OutRsts ActiveOpens\nTcp: 7\n", 1, 0, 7),
            ("Tcp: OutRsts ActiveOpens\nUdp: 7 8\n", 0, 0, 0),
            ("Tcp: OutRsts ActiveOpens\n", 0, 0, 0),
            ("", 0, 0, 0),
        ] {
            counters.begin();
            assert_eq!(headed.parse(text.as_bytes(), &mut counters), pairs, "{text}");
            assert_eq!((counters.value("Tcp", "ActiveOpens"), counters.value("Tcp", "OutRsts")), (opens, resets));
        }
    }
}
