//! What `/sys/class/net/INTERFACE` tells of one interface: its state, carrier, duplex, speed, and the size
//! of its packets.
//!
//! The state and the carrier are read in turn, a few interfaces per tick; the rest when one of the two
//! changed, and now and then: asking some drivers takes long. What was read last holds until then. Most
//! of it cannot be read while an interface is down, and what never could has no chart.

use std::path::PathBuf;

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, absolute, line};
use crate::file::{Buffer, KeptFile, read_once};
use crate::scan::{Words, number, signed};

/// Interfaces whose turn comes in one tick: on most machines, all.
pub(super) const TURNS_PER_TICK: usize = 16;
/// Interfaces whose files stay open; those beyond are opened at each turn.
const KEPT_MAX: usize = 128;
/// Microseconds between two readings of what hardly ever changes.
const REST_EVERY_US: u64 = 60_000_000;

static SPEED: Form =
    line("net_speed", "Speed of the link", "kilobits/s", "", 7007, &[absolute("speed", 1, 1)]).of("net.speed").detail();
static DUPLEX: Form = line(
    "net_duplex",
    "Whether the link carries both directions at once",
    "state",
    "",
    7008,
    &[absolute("full", 1, 1), absolute("half", 1, 1), absolute("unknown", 1, 1)],
)
.of("net.duplex")
.detail();
static STATE: Form = line(
    "net_operstate",
    "State of the interface",
    "state",
    "",
    7009,
    &[
        absolute("up", 1, 1),
        absolute("down", 1, 1),
        absolute("notpresent", 1, 1),
        absolute("lowerlayerdown", 1, 1),
        absolute("testing", 1, 1),
        absolute("dormant", 1, 1),
        absolute("unknown", 1, 1),
    ],
)
.of("net.operstate")
.detail();
static CARRIER: Form = line(
    "net_carrier",
    "Whether the interface has a link",
    "state",
    "",
    7010,
    &[absolute("up", 1, 1), absolute("down", 1, 1)],
)
.of("net.carrier")
.detail();
static PACKET_SIZE: Form =
    line("net_mtu", "Largest packet", "octets", "", 7011, &[absolute("mtu", 1, 1)]).of("net.mtu").detail();

/// States but the last, in the order of the dimensions.
const STATES: [&[u8]; 6] = [b"up", b"down", b"notpresent", b"lowerlayerdown", b"testing", b"dormant"];

/// An interface's files and their charts.
#[derive(Debug)]
pub(super) struct Link {
    /// Its folder; longer while one of its files is opened.
    folder: PathBuf,
    state_file: Option<KeptFile>,
    carrier_file: Option<KeptFile>,
    /// Whether files stay open.
    is_kept: bool,
    state: Option<[i64; STATES.len() + 1]>,
    /// Whether the carrier could be read when that was tried last.
    tells_carrier: bool,
    has_carrier: Option<bool>,
    duplex: Option<[i64; 3]>,
    speed_kilobits: Option<i64>,
    packet_size: Option<i64>,
    rest_read_us: Option<u64>,
    state_chart: Chart,
    carrier_chart: Chart,
    duplex_chart: Chart,
    speed_chart: Chart,
    packet_size_chart: Chart,
}

impl Link {
    /// The files in `folder`, of the interface with this number.
    pub(super) const fn new(folder: PathBuf, number: usize) -> Self {
        Self {
            folder,
            state_file: None,
            carrier_file: None,
            is_kept: number < KEPT_MAX,
            state: None,
            tells_carrier: true,
            has_carrier: None,
            duplex: None,
            speed_kilobits: None,
            packet_size: None,
            rest_read_us: None,
            state_chart: Chart::new(&STATE),
            carrier_chart: Chart::new(&CARRIER),
            duplex_chart: Chart::new(&DUPLEX),
            speed_chart: Chart::new(&SPEED),
            packet_size_chart: Chart::new(&PACKET_SIZE),
        }
    }

    /// The speed in kilobits per second: 0 where it is down, has none or does not know it.
    pub(super) fn speed_kilobits(&self) -> i64 {
        self.speed_kilobits.unwrap_or(0)
    }

    /// Reads the interface's files, now that it is its turn.
    pub(super) fn read(&mut self, buffer: &mut Buffer, now: Now) {
        let before = (self.state, self.has_carrier);
        self.read_state(buffer);
        let is_old = self.rest_read_us.is_none_or(|read_us| now.mono_us.saturating_sub(read_us) >= REST_EVERY_US);
        // One that is down does not tell of its carrier before it comes to another state.
        if self.tells_carrier || is_old || before.0 != self.state {
            self.read_carrier(buffer);
        }
        if is_old || before != (self.state, self.has_carrier) {
            self.rest_read_us = Some(now.mono_us);
            self.read_rest(buffer);
        }
    }

    fn read_state(&mut self, buffer: &mut Buffer) {
        let Self { folder, state_file, is_kept, state, .. } = self;
        let read = read_kept(folder, "operstate", state_file, *is_kept, buffer);
        // An interface that is gone is not listed in the next tick.
        *state = read.map(operstate).or(*state);
    }

    fn read_carrier(&mut self, buffer: &mut Buffer) {
        let Self { folder, carrier_file, is_kept, has_carrier, tells_carrier, .. } = self;
        let read = read_kept(folder, "carrier", carrier_file, *is_kept, buffer);
        *tells_carrier = read.is_some();
        // It cannot be read of an interface that is down: once it could, that is a lack of one.
        *has_carrier = match read {
            Some(text) => Some(text.trim_ascii() == b"1"),
            None => has_carrier.map(|_| false),
        };
    }

    fn read_rest(&mut self, buffer: &mut Buffer) {
        let is_up = self.has_carrier != Some(false);
        let text = read_file(&mut self.folder, "duplex", buffer).filter(|_| is_up);
        self.duplex = match text {
            Some(text) => Some(duplex(text)),
            None => self.duplex.map(|_| [0, 0, 1]),
        };
        let text = read_file(&mut self.folder, "speed", buffer);
        self.speed_kilobits = match text.and_then(kilobits) {
            Some(speed) => Some(if is_up { speed } else { 0 }),
            None => self.speed_kilobits.map(|_| 0),
        };
        let text = read_file(&mut self.folder, "mtu", buffer);
        self.packet_size = text.and_then(|text| number(Words::new(text).next()?)).or(self.packet_size);
    }

    /// Hands over the rows; the speed's only beside the chart of what it bounds.
    pub(super) fn write(&mut self, batch: &mut Batch<'_>, owner: &Owner, has_bandwidth: bool) {
        if let Some(speed) = self.speed_kilobits.filter(|_| has_bandwidth) {
            batch.row(&mut self.speed_chart, owner, &[speed]);
        }
        if let Some(duplex) = &self.duplex {
            batch.row(&mut self.duplex_chart, owner, duplex);
        }
        if let Some(state) = &self.state {
            batch.row(&mut self.state_chart, owner, state);
        }
        if let Some(up) = self.has_carrier {
            batch.row(&mut self.carrier_chart, owner, &[up.into(), (!up).into()]);
        }
        if let Some(size) = self.packet_size {
            batch.row(&mut self.packet_size_chart, owner, &[size]);
        }
    }

    /// The charts, to say that the interface is gone.
    pub(super) fn charts(&mut self) -> [&mut Chart; 5] {
        let Self { state_chart, carrier_chart, duplex_chart, speed_chart, packet_size_chart, .. } = self;
        [state_chart, carrier_chart, duplex_chart, speed_chart, packet_size_chart]
    }
}

/// Reads a file that may be open; one that is open and cannot be read is opened anew the next time.
fn read_kept<'b>(
    folder: &mut PathBuf,
    name: &str,
    file: &mut Option<KeptFile>,
    is_kept: bool,
    buffer: &'b mut Buffer,
) -> Option<&'b [u8]> {
    if !is_kept {
        return read_file(folder, name, buffer);
    }
    if file.is_none() {
        folder.push(name);
        *file = KeptFile::open_path(folder).ok();
        folder.pop();
    }
    let read = file.as_ref()?.read(buffer);
    if read.is_err() {
        *file = None;
    }
    read.ok()
}

fn read_file<'b>(folder: &mut PathBuf, name: &str, buffer: &'b mut Buffer) -> Option<&'b [u8]> {
    folder.push(name);
    let text = read_once(folder, buffer).ok();
    folder.pop();
    text
}

/// One at the place of the state, 0 elsewhere.
fn operstate(text: &[u8]) -> [i64; STATES.len() + 1] {
    let at = STATES.iter().position(|state| *state == text.trim_ascii()).unwrap_or(STATES.len());
    let mut values = [0; STATES.len() + 1];
    values[at] = 1;
    values
}

/// Full, half or unknown.
fn duplex(text: &[u8]) -> [i64; 3] {
    match text.first() {
        Some(b'f') => [1, 0, 0],
        Some(b'h') => [0, 1, 0],
        _ => [0, 0, 1],
    }
}

/// Of megabits; -1, also as a number without a sign, says that the driver does not know.
fn kilobits(text: &[u8]) -> Option<i64> {
    let megabits = signed(Words::new(text).next()?)?;
    Some(if (0..i64::from(u32::MAX)).contains(&megabits) { megabits * 1000 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of `/sys`, good and bad.
    #[test]
    fn texts_become_values() {
        assert_eq!(operstate(b"up\n"), [1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(operstate(b"lowerlayerdown\n"), [0, 0, 0, 1, 0, 0, 0]);
        for text in ["unknown\n", "", "upper", "\0"] {
            assert_eq!(operstate(text.as_bytes()), [0, 0, 0, 0, 0, 0, 1], "{text}");
        }
        assert_eq!([duplex(b"full\n"), duplex(b"half\n"), duplex(b"")], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
        for (text, speed) in [
            ("1000\n", Some(1_000_000)),
            ("0", Some(0)),
            ("-1\n", Some(0)),
            ("4294967295\n", Some(0)),
            ("9223372036854775807", Some(0)),
            ("", None),
            ("fast", None),
        ] {
            assert_eq!(kilobits(text.as_bytes()), speed, "{text}");
        }
    }
}
