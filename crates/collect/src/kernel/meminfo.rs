//! `/proc/meminfo`: what the memory is used for, in KiB.
//!
//! ```text
//! MemTotal:       24684096 kB
//! ```
//!
//! What ZFS would give back of a cache of its own counts as cached, not as used.

use std::io;
use std::path::Path;

use row::{ChartType, Now};

use crate::charts::{Batch, Chart, DETAIL, Form, Owner, PLAIN, absolute};
use crate::file::{Buffer, KeptFile};
use crate::kernel::zfs::Reclaimable;
use crate::keyed::{Keyed, place};
use crate::module::{Module, ReadError};
use crate::pace::Cadence;

/// The file.
pub(crate) const PATH: &str = "/proc/meminfo";
/// Seconds between two looks for the cache of ZFS.
const ZFS_EVERY_S: u32 = 60;

const KEYS: [&str; 29] = [
    "MemTotal",
    "MemFree",
    "MemAvailable",
    "Buffers",
    "Cached",
    "SReclaimable",
    "Shmem",
    "SwapTotal",
    "SwapFree",
    "Committed_AS",
    "Dirty",
    "Writeback",
    "WritebackTmp",
    "NFS_Unstable",
    "Bounce",
    "Slab",
    "KernelStack",
    "PageTables",
    "VmallocUsed",
    "Percpu",
    "SUnreclaim",
    "AnonHugePages",
    "ShmemHugePages",
    "HardwareCorrupted",
    "HugePages_Total",
    "HugePages_Free",
    "HugePages_Rsvd",
    "HugePages_Surp",
    "Hugepagesize",
];

/// The place of a key in [`KEYS`], found when compiling.
const fn key(name: &str) -> usize {
    place(&KEYS, name)
}

/// The number at a key, 0 where it is missing; the key is looked up when compiling.
macro_rules! kib {
    ($reading:expr, $name:literal) => {
        $reading.or_zero(const { key($name) })
    };
}

static RAM: Form = Form {
    id: "system.ram",
    context: "system.ram",
    title: "Memory",
    units: "MiB",
    family: "ram",
    chart_type: ChartType::Stacked,
    priority: 200,
    options: PLAIN,
    dimensions: &[
        absolute("free", 1, 1024),
        absolute("used", 1, 1024),
        absolute("cached", 1, 1024),
        absolute("buffers", 1, 1024),
    ],
};
static AVAILABLE: Form = Form {
    id: "mem.available",
    context: "mem.available",
    title: "Memory that programs can have without swapping",
    units: "MiB",
    family: "system",
    chart_type: ChartType::Area,
    priority: 1010,
    options: PLAIN,
    dimensions: &[row::DimensionDefinition { name: "avail", ..absolute("MemAvailable", 1, 1024) }],
};
static SWAP: Form = Form {
    id: "system.swap",
    context: "system.swap",
    title: "Swap space",
    units: "MiB",
    family: "swap",
    chart_type: ChartType::Stacked,
    priority: 201,
    options: DETAIL,
    dimensions: &[absolute("free", 1, 1024), absolute("used", 1, 1024)],
};
static COMMITTED: Form = Form {
    id: "mem.committed",
    context: "mem.committed",
    title: "Memory promised to programs",
    units: "MiB",
    family: "system",
    chart_type: ChartType::Area,
    priority: 1030,
    options: DETAIL,
    dimensions: &[absolute("Committed_AS", 1, 1024)],
};
static WRITEBACK: Form = Form {
    id: "mem.writeback",
    context: "mem.writeback",
    title: "Memory waiting to be written to disk",
    units: "MiB",
    family: "kernel",
    chart_type: ChartType::Line,
    priority: 1100,
    options: DETAIL,
    dimensions: &[
        absolute("Dirty", 1, 1024),
        absolute("Writeback", 1, 1024),
        absolute("FuseWriteback", 1, 1024),
        absolute("NfsWriteback", 1, 1024),
        absolute("Bounce", 1, 1024),
    ],
};
static KERNEL: Form = Form {
    id: "mem.kernel",
    context: "mem.kernel",
    title: "Memory of the kernel",
    units: "MiB",
    family: "kernel",
    chart_type: ChartType::Stacked,
    priority: 1101,
    options: DETAIL,
    dimensions: &[
        absolute("Slab", 1, 1024),
        absolute("KernelStack", 1, 1024),
        absolute("PageTables", 1, 1024),
        absolute("VmallocUsed", 1, 1024),
        absolute("Percpu", 1, 1024),
    ],
};
static SLAB: Form = Form {
    id: "mem.slab",
    context: "mem.slab",
    title: "Memory of the kernel's object caches",
    units: "MiB",
    family: "slab",
    chart_type: ChartType::Stacked,
    priority: 1200,
    options: DETAIL,
    dimensions: &[absolute("reclaimable", 1, 1024), absolute("unreclaimable", 1, 1024)],
};
static TRANSPARENT: Form = Form {
    id: "mem.transparent_hugepages",
    context: "mem.transparent_hugepages",
    title: "Memory in transparent huge pages",
    units: "MiB",
    family: "hugepages",
    chart_type: ChartType::Stacked,
    priority: 1250,
    options: DETAIL,
    dimensions: &[absolute("anonymous", 1, 1024), absolute("shmem", 1, 1024)],
};
static HUGE: Form = Form {
    id: "mem.hugepages",
    context: "mem.hugepages",
    title: "Memory in dedicated huge pages",
    units: "MiB",
    family: "hugepages",
    chart_type: ChartType::Stacked,
    priority: 1251,
    options: DETAIL,
    dimensions: &[
        absolute("free", 1, 1024),
        absolute("used", 1, 1024),
        absolute("surplus", 1, 1024),
        absolute("reserved", 1, 1024),
    ],
};
static CORRUPT: Form = Form {
    id: "mem.hwcorrupt",
    context: "mem.hwcorrupt",
    title: "Memory taken out of use as broken",
    units: "MiB",
    family: "ecc",
    chart_type: ChartType::Line,
    priority: 1500,
    options: DETAIL,
    dimensions: &[absolute("HardwareCorrupted", 1, 1024)],
};

/// Reads `/proc/meminfo`.
pub(crate) struct Meminfo {
    file: KeptFile,
    reading: Keyed<{ KEYS.len() }>,
    zfs: Reclaimable,
    zfs_cadence: Cadence,
    /// What ZFS would give back.
    reclaimable_kib: i64,
    owner: Owner,
    /// Huge pages are counted in pages, whose size the first row fixes.
    huge_owner: Owner,
    ram: Chart,
    available: Chart,
    swap: Chart,
    committed: Chart,
    writeback: Chart,
    kernel: Chart,
    slab: Chart,
    transparent: Chart,
    huge: Chart,
    corrupt: Chart,
}

impl Meminfo {
    /// Opens the file under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            reading: Keyed::new(KEYS),
            zfs: Reclaimable::new(root),
            zfs_cadence: Cadence::new(ZFS_EVERY_S),
            reclaimable_kib: 0,
            owner: Owner::machine(PATH, update_every_s),
            huge_owner: Owner::machine(PATH, update_every_s),
            ram: Chart::new(&RAM),
            available: Chart::new(&AVAILABLE),
            swap: Chart::new(&SWAP),
            committed: Chart::new(&COMMITTED),
            writeback: Chart::new(&WRITEBACK),
            kernel: Chart::new(&KERNEL),
            slab: Chart::new(&SLAB),
            transparent: Chart::new(&TRANSPARENT),
            huge: Chart::new(&HUGE),
            corrupt: Chart::new(&CORRUPT),
        })
    }

    fn write_programs(&mut self, batch: &mut Batch<'_>) {
        let (reading, owner) = (&self.reading, &self.owner);
        batch.row(&mut self.ram, owner, &ram(reading, self.reclaimable_kib));
        if let Some(available) = reading.get(const { key("MemAvailable") }) {
            batch.row(&mut self.available, owner, &[available.wrapping_add(self.reclaimable_kib)]);
        }
        let (total, free) = (kib!(reading, "SwapTotal"), kib!(reading, "SwapFree"));
        batch.row_once(total != 0, &mut self.swap, owner, &[free, total.saturating_sub(free)]);
        batch.row(&mut self.committed, owner, &[kib!(reading, "Committed_AS")]);
    }

    fn write_kernel(&mut self, batch: &mut Batch<'_>) {
        let (reading, owner) = (&self.reading, &self.owner);
        let writeback =
            const { [key("Dirty"), key("Writeback"), key("WritebackTmp"), key("NFS_Unstable"), key("Bounce")] };
        batch.row(&mut self.writeback, owner, &writeback.map(|key| reading.or_zero(key)));
        let kernel = const { [key("Slab"), key("KernelStack"), key("PageTables"), key("VmallocUsed"), key("Percpu")] };
        let known = if reading.get(const { key("Percpu") }).is_some() { kernel.len() } else { kernel.len() - 1 };
        batch.row(&mut self.kernel, owner, &kernel.map(|key| reading.or_zero(key))[..known]);
        let slab = [kib!(reading, "SReclaimable"), kib!(reading, "SUnreclaim")];
        batch.row(&mut self.slab, owner, &slab);
    }

    fn write_special(&mut self, batch: &mut Batch<'_>) {
        let (reading, owner) = (&self.reading, &self.owner);
        let transparent = [kib!(reading, "AnonHugePages"), kib!(reading, "ShmemHugePages")];
        batch.row_once(transparent != [0, 0], &mut self.transparent, owner, &transparent);
        let corrupt = kib!(reading, "HardwareCorrupted");
        batch.row_once(corrupt != 0, &mut self.corrupt, owner, &[corrupt]);
        let total = kib!(reading, "HugePages_Total");
        self.huge_owner.factor = i32::try_from(kib!(reading, "Hugepagesize")).unwrap_or(1);
        batch.row_once(total != 0, &mut self.huge, &self.huge_owner, &huge(reading, total));
    }
}

impl Module for Meminfo {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        if self.zfs_cadence.is_due(now) {
            self.zfs.look();
        }
        self.reclaimable_kib = self.zfs.read(buffer) / 1024;
        self.reading.parse(self.file.read(buffer)?);
        let [total, free] = const { [key("MemTotal"), key("MemFree")] };
        self.reading
            .get(total)
            .and(self.reading.get(free))
            .map(|_| ())
            .ok_or(ReadError::Expected("MemTotal and MemFree"))
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        self.write_programs(batch);
        self.write_kernel(batch);
        self.write_special(batch);
    }
}

/// Free, used, cached and buffers. Shared memory is counted as cached by the kernel, but cannot be
/// given back, so it is used; object caches that can be given back are cached, and so is what ZFS
/// would give back.
fn ram(reading: &Keyed<{ KEYS.len() }>, reclaimable_kib: i64) -> [i64; 4] {
    let (total, free) = (kib!(reading, "MemTotal"), kib!(reading, "MemFree"));
    let buffers = kib!(reading, "Buffers");
    let cached = kib!(reading, "Cached").wrapping_add(kib!(reading, "SReclaimable"));
    let cached = cached.wrapping_sub(kib!(reading, "Shmem")).wrapping_add(reclaimable_kib);
    let used = total.wrapping_sub(free).wrapping_sub(cached).wrapping_sub(buffers);
    [free, used, cached, buffers]
}

/// Free, used, surplus and reserved, in pages.
fn huge(reading: &Keyed<{ KEYS.len() }>, total: i64) -> [i64; 4] {
    let (free, reserved) = (kib!(reading, "HugePages_Free"), kib!(reading, "HugePages_Rsvd"));
    let used = total.wrapping_sub(free).wrapping_sub(reserved);
    [free, used, kib!(reading, "HugePages_Surp"), reserved]
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &[u8] = include_bytes!("../../tests/files/meminfo.txt");

    /// A real file gives the four parts, which sum up to all memory.
    #[test]
    fn a_real_file() {
        let mut reading = Keyed::new(KEYS);
        assert_eq!(reading.parse(REAL), KEYS.len() - 1, "all but HardwareCorrupted");
        let cached = 857_400 + 62_916 - 8788;
        assert_eq!(ram(&reading, 0), [23_663_340, 24_684_096 - 23_663_340 - cached - 2828, cached, 2828]);
        assert_eq!(reading.get(key("SUnreclaim")), Some(23_832));
        assert_eq!(reading.get(key("WritebackTmp")), Some(0));
    }

    /// Sums of absurd numbers do not panic.
    #[test]
    fn bad_files() {
        let mut reading = Keyed::new(KEYS);
        let text =
            "MemTotal: 1\nMemFree: 9223372036854775807\nBuffers: 18446744073709551615\nShmem: 9223372036854775808\n";
        reading.parse(text.as_bytes());
        ram(&reading, 0);
        crate::tests::mutate(REAL, |text| {
            reading.parse(text);
            ram(&reading, 0);
            huge(&reading, kib!(reading, "HugePages_Total"));
        });
    }
}
