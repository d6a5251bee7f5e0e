//! `/proc/net/ip_vs_stats`: connections that the kernel spreads over several servers.
//!
//! ```text
//!    Total Incoming Outgoing         Incoming         Outgoing
//!    Conns  Packets  Packets            Bytes            Bytes
//!        1       1A       14             4D2A             3B1C        hexadecimal
//! ```

use std::io;
use std::path::Path;

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, incremental, line};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::scan::{Words, hexadecimal, lines};

/// The file.
pub(crate) const PATH: &str = "/proc/net/ip_vs_stats";
/// Lines before the numbers.
const HEADING_LINES: usize = 2;

static BANDWIDTH: Form = line(
    "ipvs.net",
    "Data passed on to servers and back",
    "kilobits/s",
    "ipvs",
    3100,
    &[incremental("received", 8, 1000), incremental("sent", -8, 1000)],
)
.area();
static CONNECTIONS: Form = line(
    "ipvs.sockets",
    "New connections passed on to servers",
    "connections/s",
    "ipvs",
    3101,
    &[incremental("connections", 1, 1)],
);
static PACKETS: Form = line(
    "ipvs.packets",
    "Packets passed on to servers and back",
    "packets/s",
    "ipvs",
    3102,
    &[incremental("received", 1, 1), incremental("sent", -1, 1)],
);

/// Reads the file.
pub(crate) struct IpVs {
    file: KeptFile,
    counters: [i64; 5],
    bandwidth: Chart,
    connections: Chart,
    packets: Chart,
    owner: Owner,
}

impl IpVs {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            counters: [0; 5],
            bandwidth: Chart::new(&BANDWIDTH),
            connections: Chart::new(&CONNECTIONS),
            packets: Chart::new(&PACKETS),
            owner: Owner::machine(PATH, update_every_s),
        })
    }
}

impl Module for IpVs {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        self.counters = parse(self.file.read(buffer)?).ok_or(ReadError::Expected("five hexadecimal numbers"))?;
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let [connections, packets_in, packets_out, bytes_in, bytes_out] = self.counters;
        batch.row(&mut self.connections, &self.owner, &[connections]);
        batch.row(&mut self.packets, &self.owner, &[packets_in, packets_out]);
        batch.row(&mut self.bandwidth, &self.owner, &[bytes_in, bytes_out]);
    }
}

/// Connections, packets in and out, bytes in and out.
fn parse(text: &[u8]) -> Option<[i64; 5]> {
    let mut words = Words::new(lines(text).nth(HEADING_LINES)?);
    let mut values = [0; 5];
    for value in &mut values {
        *value = hexadecimal(words.next()?)?;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers stand in the third line; files that are cut or absurd give nothing.
    #[test]
    fn good_and_bad_files() {
        let text = b"   Total Incoming\n   Conns  Packets\n 1 1A 14 4D2A 3b1c\n\n Conns/s\n 0 0 0 0 0\n";
        assert_eq!(parse(text), Some([1, 26, 20, 19_754, 15_132]));
        for text in ["", "a\nb\n", "a\nb\n1 2 3 4\n", "a\nb\n1 2 3 4 x\n"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        crate::tests::mutate(text, |text| {
            parse(text);
        });
    }
}
