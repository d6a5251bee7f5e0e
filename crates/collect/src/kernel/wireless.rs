//! `/proc/net/wireless`: how well wireless interfaces hear and are heard.
//!
//! ```text
//!  face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
//!  wlan0: 0000   58.  -52.  -256        0      0      0      3      9        0
//! ```
//!
//! A point after a number says that it was renewed since the last reading.

use std::io;
use std::path::Path;

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, absolute, incremental, line};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::roster::Roster;
use crate::scan::{Words, hexadecimal, lines, signed};

/// The file.
pub(crate) const PATH: &str = "/proc/net/wireless";
const INTERFACES_MAX: usize = 256;
/// Lines before the first interface.
const HEADING_LINES: usize = 2;

/// The charts of an interface.
static FORMS: [Form; 6] = [
    line("wireless.{}_status", "State that the interface tells", "status", "", 7110, &[absolute("status", 1, 1)])
        .of("wireless.status")
        .detail(),
    line("wireless.{}_link_quality", "Quality of the link", "value", "", 7111, &[absolute("link_quality", 1, 1)])
        .of("wireless.link_quality")
        .detail(),
    line("wireless.{}_signal_level", "Level of the signal", "dBm", "", 7112, &[absolute("signal_level", 1, 1)])
        .of("wireless.signal_level")
        .detail(),
    line("wireless.{}_noise_level", "Level of the noise", "dBm", "", 7113, &[absolute("noise_level", 1, 1)])
        .of("wireless.noise_level")
        .detail(),
    line(
        "wireless.{}_discarded_packets",
        "Packets thrown away",
        "packets/s",
        "",
        7114,
        &[
            incremental("nwid", 1, 1),
            incremental("crypt", 1, 1),
            incremental("frag", 1, 1),
            incremental("retry", 1, 1),
            incremental("misc", 1, 1),
        ],
    )
    .of("wireless.discarded_packets")
    .detail(),
    line(
        "wireless.{}_missed_beacon",
        "Beacons that were not heard",
        "frames/s",
        "",
        7115,
        &[incremental("missed_beacons", 1, 1)],
    )
    .of("wireless.missed_beacons")
    .detail(),
];

/// Reads the file.
pub(crate) struct Wireless {
    file: KeptFile,
    interfaces: Roster<Interface>,
    update_every_s: u32,
}

struct Interface {
    values: Values,
    charts: [Chart; FORMS.len()],
    owner: Owner,
}

/// What a line says: status, link, level, noise; packets thrown away; beacons missed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Values {
    state: [i64; 4],
    discarded: [i64; 5],
    missed: i64,
}

impl Wireless {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self { file: KeptFile::open(root, PATH)?, interfaces: Roster::new(), update_every_s })
    }
}

impl Module for Wireless {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
        let text = self.file.read(buffer)?;
        if lines(text).count() < HEADING_LINES {
            return Err(ReadError::Expected("headings"));
        }
        self.interfaces.begin();
        for (name, values) in lines(text).skip(HEADING_LINES).filter_map(parse) {
            if let Some(known) = self.interfaces.find(name) {
                known.values = values;
            } else if self.interfaces.len() < INTERFACES_MAX {
                self.interfaces.add(name, Interface::new(name, values, self.update_every_s));
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.interfaces.drop_unlisted(|interface| interface.charts.iter_mut().for_each(|chart| batch.obsolete(chart)));
        for Interface { values, charts, owner } in self.interfaces.devices() {
            let [status, link, level, noise, discarded, missed] = charts;
            for (chart, value) in [status, link, level, noise].into_iter().zip(values.state) {
                batch.row(chart, owner, &[value]);
            }
            batch.row(discarded, owner, &values.discarded);
            batch.row(missed, owner, &[values.missed]);
        }
    }
}

impl Interface {
    fn new(name: &[u8], values: Values, update_every_s: u32) -> Self {
        let name = text_of(name);
        Self {
            values,
            charts: FORMS.each_ref().map(Chart::new),
            owner: Owner {
                device: name.clone(),
                family: name.clone(),
                labels: vec![("device", name)],
                ..Owner::machine(PATH, update_every_s)
            },
        }
    }
}

/// A line of an interface.
fn parse(line: &[u8]) -> Option<(&[u8], Values)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = Words::new(&line[..colon]).next()?;
    let mut words = Words::new(&line[colon + 1..]);
    let status = hexadecimal(words.next()?)?;
    let mut quality = || signed(words.next().map(|word| word.strip_suffix(b".").unwrap_or(word))?);
    let state = [status, quality()?, quality()?, quality()?];
    Some((name, Values { state, discarded: words.numbers()?, missed: words.number()? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/wireless.txt");

    /// A real file gives each number at its place; lines that are cut or absurd are left out.
    #[test]
    fn good_and_bad_files() {
        let interfaces: Vec<_> = lines(REAL).skip(HEADING_LINES).filter_map(parse).collect();
        let values = Values { state: [0, 58, -52, -256], discarded: [0, 1, 2, 3, 9], missed: 4 };
        assert_eq!(interfaces, [(&b"wlan0"[..], values)]);
        for line in ["", "wlan0", "wlan0: 0 1 2 3 4 5 6 7 8", "wlan0: 0 1. x 3 4 5 6 7 8 9", ": 0 1 2 3 4 5 6 7 8 9"] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
        crate::tests::mutate(REAL, |text| {
            lines(text).skip(HEADING_LINES).filter_map(parse).count();
        });
    }
}
