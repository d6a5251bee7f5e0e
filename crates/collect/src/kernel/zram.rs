//! `/sys/block/zramN/mm_stat`: disks that compress what they hold in memory.
//!
//! ```text
//! 8192 74 12288 0 16384 0 0 0 0        bytes: original, compressed, with all that is kept beside; …
//! ```

use std::io;
use std::path::{Path, PathBuf};

use row::Now;

use crate::charts::{Batch, Chart, Form, Owner, absolute, line};
use crate::file::{Buffer, KeptFile};
use crate::kernel::ksm::millionths;
use crate::listing::Folder;
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::roster::Roster;
use crate::scan::{Words, number};

/// The folder of all disks.
pub(crate) const PATH: &str = "/sys/block";
/// What the module is called by, since it reads no other disks.
const MODULE: &str = "/sys/block/zram";
const DEVICES_MAX: usize = 256;
const MIB: i32 = 1024 * 1024;

static USAGE: Form = line(
    "mem.zram_usage",
    "Memory of a compressed disk",
    "MiB",
    "",
    1600,
    &[absolute("compressed", 1, MIB), absolute("metadata", 1, MIB)],
)
.area();
static SAVINGS: Form = line(
    "mem.zram_savings",
    "Memory that compression saves",
    "MiB",
    "",
    1601,
    &[absolute("savings", 1, MIB), absolute("original", 1, MIB)],
)
.area();
static RATIO: Form = line(
    "mem.zram_ratio",
    "Original size for each byte of the compressed",
    "ratio",
    "",
    1602,
    &[absolute("ratio", 1, 100)],
);
static EFFICIENCY: Form = line(
    "mem.zram_efficiency",
    "Share of the memory that holds compressed data",
    "percentage",
    "",
    1603,
    &[absolute("percent", 1, 10_000)],
);

/// Reads the file of each device.
pub(crate) struct Zram {
    folder: Folder,
    devices: Roster<Device>,
    update_every_s: u32,
}

struct Device {
    file: Option<KeptFile>,
    /// Whether the file could not be read: the device was taken away.
    lost: bool,
    /// What the last reading gave.
    usage: Option<Usage>,
    /// Usage, savings, ratio, efficiency.
    charts: [Chart; 4],
    owner: Owner,
}

/// Bytes: as written, compressed, and taken in all.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usage {
    original: i64,
    compressed: i64,
    used: i64,
}

impl Zram {
    /// Opens the folder under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self { folder: Folder::open(root, PATH, DEVICES_MAX)?, devices: Roster::new(), update_every_s })
    }
}

impl Module for Zram {
    fn name(&self) -> &'static str {
        MODULE
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let update_every_s = self.update_every_s;
        self.folder.look(now, &mut self.devices, is_zram, |name, path| Device::new(name, path, update_every_s));
        for device in self.devices.devices() {
            let text = device.file.as_ref().and_then(|file| file.read(buffer).ok());
            device.lost = text.is_none();
            device.usage = text.and_then(Usage::parse);
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let mut farewell = |device: &mut Device| device.charts.iter_mut().for_each(|chart| batch.obsolete(chart));
        self.devices.drop_unlisted(&mut farewell);
        self.devices.drop_lost(|device| device.lost, farewell);
        for device in self.devices.devices() {
            device.write(batch);
        }
    }
}

fn is_zram(name: &[u8]) -> bool {
    name.strip_prefix(b"zram").and_then(number).is_some()
}

impl Device {
    fn new(name: &[u8], path: PathBuf, update_every_s: u32) -> Self {
        let name = text_of(name);
        Self {
            file: KeptFile::open_path(&path.join("mm_stat")).ok(),
            lost: false,
            usage: None,
            charts: [&USAGE, &SAVINGS, &RATIO, &EFFICIENCY].map(Chart::new),
            owner: Owner {
                device: name.clone(),
                family: name.clone(),
                labels: vec![("device", name)],
                ..Owner::machine(MODULE, update_every_s)
            },
        }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let Some(usage) = self.usage else { return };
        let [used, savings, ratio, efficiency] = &mut self.charts;
        batch.row(used, &self.owner, &[usage.compressed, usage.used.wrapping_sub(usage.compressed)]);
        batch.row(savings, &self.owner, &[usage.compressed.wrapping_sub(usage.original), usage.original]);
        batch.row(ratio, &self.owner, &[usage.ratio_hundredths()]);
        batch.row(efficiency, &self.owner, &[usage.efficiency_millionths()]);
    }
}

impl Usage {
    fn parse(text: &[u8]) -> Option<Self> {
        let [original, compressed, used] = Words::new(text).numbers()?;
        Some(Self { original, compressed, used })
    }

    /// Of an empty disk a hundredth, as dashboards know it.
    fn ratio_hundredths(self) -> i64 {
        match self.compressed {
            0 => 1,
            compressed => self.original.saturating_mul(100) / compressed,
        }
    }

    /// Of an empty disk a hundredth of a percent, likewise.
    fn efficiency_millionths(self) -> i64 {
        if self.used == 0 { 100 } else { millionths(self.compressed, self.used) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = b"  16384     1024    12288        0    16384        1        0        0        0\n";

    /// Numbers of a full and of an empty disk; files that are cut or absurd give nothing.
    #[test]
    fn good_and_bad_files() {
        let usage = Usage::parse(REAL).unwrap();
        assert_eq!(usage, Usage { original: 16_384, compressed: 1024, used: 12_288 });
        assert_eq!((usage.ratio_hundredths(), usage.efficiency_millionths()), (1600, 83_333));
        let empty = Usage::parse(b"0 0 0 0 0 0 0 0 0").unwrap();
        assert_eq!((empty.ratio_hundredths(), empty.efficiency_millionths()), (1, 100));
        for text in ["", "1 2", "1 -2 3", "1 2 x"] {
            assert_eq!(Usage::parse(text.as_bytes()), None, "{text}");
        }
        crate::tests::mutate(REAL, |text| {
            if let Some(usage) = Usage::parse(text) {
                usage.ratio_hundredths();
                usage.efficiency_millionths();
            }
        });
        assert!(is_zram(b"zram12") && !is_zram(b"zram") && !is_zram(b"zramx") && !is_zram(b"sda"));
    }
}
