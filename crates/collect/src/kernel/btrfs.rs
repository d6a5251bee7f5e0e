//! `/sys/fs/btrfs/UUID`: what the space of file systems is set apart for, and how much of it is used.
//!
//! ```text
//! label
//! allocation/global_rsv_size
//! allocation/{data,metadata,system}/{total_bytes,bytes_used,disk_total,disk_used}
//! devices/DEVICE/size                                                   in sectors of 512 bytes
//! ```
//!
//! Each file holds one number. Data that is kept twice counts once in `total_bytes` and `bytes_used`,
//! twice in the two others.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use row::{DimensionDefinition, Now};

use crate::charts::{Batch, Chart, Form, Owner, absolute, line, named};
use crate::file::{Buffer, NumberFile, read_once};
use crate::listing::{Folder, entries};
use crate::module::{Module, ReadError};
use crate::names::text_of;
use crate::roster::Roster;
use crate::scan::{Words, number};

/// The folder of the file systems.
pub(crate) const PATH: &str = "/sys/fs/btrfs";
/// Each has thirteen files that stay open.
const FILE_SYSTEMS_MAX: usize = 32;
const SECTOR_BYTES: i64 = 512;
const MIB: i32 = 1024 * 1024;

static DISK: Form = line(
    "btrfs.disk_{}",
    "Space of the disks by what it is set apart for",
    "MiB",
    "",
    2400,
    &[
        absolute("unallocated", 1, MIB),
        named("data free", absolute("data_free", 1, MIB)),
        named("data used", absolute("data_used", 1, MIB)),
        named("meta free", absolute("meta_free", 1, MIB)),
        named("meta used", absolute("meta_used", 1, MIB)),
        named("sys free", absolute("sys_free", 1, MIB)),
        named("sys used", absolute("sys_used", 1, MIB)),
    ],
)
.of("btrfs.disk")
.stacked();
const PARTS: &[DimensionDefinition<'static>] = &[absolute("free", 1, MIB), absolute("used", 1, MIB)];
static DATA: Form =
    line("btrfs.data_{}", "Space set apart for data", "MiB", "", 2401, PARTS).of("btrfs.data").stacked();
static METADATA: Form = line(
    "btrfs.metadata_{}",
    "Space set apart for metadata",
    "MiB",
    "",
    2402,
    &[absolute("free", 1, MIB), absolute("used", 1, MIB), absolute("reserved", 1, MIB)],
)
.of("btrfs.metadata")
.stacked();
static SYSTEM: Form =
    line("btrfs.system_{}", "Space set apart for the system", "MiB", "", 2403, PARTS).of("btrfs.system").stacked();

/// Reads the files of each file system.
pub(crate) struct Btrfs {
    folder: Folder,
    file_systems: Roster<FileSystem>,
    update_every_s: u32,
}

struct FileSystem {
    /// Its folder; longer while something below it is looked for.
    path: PathBuf,
    /// Data, metadata, system.
    parts: [Part; 3],
    reserved_file: Option<NumberFile>,
    reserved: i64,
    disks: i64,
    /// Whether none of the files can be read: it was unmounted.
    lost: bool,
    owner: Owner,
    disk: Chart,
    data: Chart,
    metadata: Chart,
    system: Chart,
}

/// What space is set apart for. The files of a file system that keeps all together are missing.
struct Part {
    files: [Option<NumberFile>; 4],
    bytes: Bytes,
}

/// How much of it, and used: as the file system has it, and as the disks do.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Bytes {
    total: i64,
    used: i64,
    disk_total: i64,
    disk_used: i64,
}

impl Btrfs {
    /// Opens the folder under `root`.
    pub(crate) fn open(root: &Path, update_every_s: u32) -> io::Result<Self> {
        Ok(Self { folder: Folder::open(root, PATH, FILE_SYSTEMS_MAX)?, file_systems: Roster::new(), update_every_s })
    }
}

impl Module for Btrfs {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let Self { folder, file_systems, update_every_s } = self;
        let make = |name: &[u8], path| FileSystem::new(name, path, *update_every_s, buffer);
        let looked = folder.look(now, file_systems, is_uuid, make);
        for file_system in file_systems.devices() {
            if looked {
                file_system.read_disks(buffer);
            }
            file_system.read(buffer);
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let mut farewell = |file_system: &mut FileSystem| file_system.obsolete(batch);
        self.file_systems.drop_unlisted(&mut farewell);
        self.file_systems.drop_lost(|file_system| file_system.lost, farewell);
        for file_system in self.file_systems.devices() {
            file_system.write(batch);
        }
    }
}

/// Folders that say what the driver can lie beside those of file systems.
fn is_uuid(name: &[u8]) -> bool {
    name.len() == 36 && name.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

impl FileSystem {
    fn new(uuid: &[u8], path: PathBuf, update_every_s: u32, buffer: &mut Buffer) -> Self {
        let uuid = text_of(uuid);
        let label = text_of(read_once(&path.join("label"), buffer).unwrap_or_default().trim_ascii());
        let label = if label.is_empty() { uuid.clone() } else { label };
        let allocation = path.join("allocation");
        Self {
            parts: ["data", "metadata", "system"].map(|name| Part::open(&allocation.join(name))),
            reserved_file: NumberFile::open(&allocation.join("global_rsv_size")).ok(),
            path,
            reserved: 0,
            disks: 0,
            lost: false,
            owner: Owner {
                device: uuid.clone(),
                family: label.clone(),
                labels: vec![("device", uuid), ("device_label", label)],
                ..Owner::machine(PATH, update_every_s)
            },
            disk: Chart::new(&DISK),
            data: Chart::new(&DATA),
            metadata: Chart::new(&METADATA),
            system: Chart::new(&SYSTEM),
        }
    }

    /// Sums the sizes of its disks, which change when one is added or taken out.
    fn read_disks(&mut self, buffer: &mut Buffer) {
        self.path.push("devices");
        let mut sectors = 0_i64;
        let listed = File::open(&self.path).and_then(|folder| {
            entries(&folder, |name| {
                self.path.push(OsStr::from_bytes(name));
                self.path.push("size");
                let size = read_once(&self.path, buffer).ok().and_then(|text| number(Words::new(text).next()?));
                sectors = sectors.wrapping_add(size.unwrap_or(0));
                self.path.pop();
                self.path.pop();
            })
        });
        self.path.pop();
        if listed.is_ok() {
            self.disks = sectors.wrapping_mul(SECTOR_BYTES);
        }
    }

    fn read(&mut self, buffer: &mut Buffer) {
        let reserved = self.reserved_file.as_ref().and_then(|file| file.read(buffer));
        self.reserved = reserved.unwrap_or(0);
        self.lost = reserved.is_none();
        for part in &mut self.parts {
            self.lost &= !part.read(buffer);
        }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        let [data, metadata, system] = [0, 1, 2].map(|part| self.parts[part].bytes);
        let rows = [
            (&mut self.disk, &disk_values(self.disks, [data, metadata, system])[..]),
            (&mut self.data, &[data.free(), data.used]),
            (&mut self.metadata, &[metadata.free().wrapping_sub(self.reserved), metadata.used, self.reserved]),
            (&mut self.system, &[system.free(), system.used]),
        ];
        for (chart, values) in rows {
            batch.row_once(values.iter().any(|&value| value != 0), chart, &self.owner, values);
        }
    }

    fn obsolete(&mut self, batch: &mut Batch<'_>) {
        let Self { disk, data, metadata, system, .. } = self;
        for chart in [disk, data, metadata, system] {
            batch.obsolete(chart);
        }
    }
}

impl Part {
    fn open(path: &Path) -> Self {
        let files = ["total_bytes", "bytes_used", "disk_total", "disk_used"];
        Self { files: files.map(|name| NumberFile::open(&path.join(name)).ok()), bytes: Bytes::default() }
    }

    /// Returns whether any of its files could be read.
    fn read(&mut self, buffer: &mut Buffer) -> bool {
        let mut any = false;
        let [total, used, disk_total, disk_used] = self.files.each_ref().map(|file| {
            let bytes = file.as_ref().and_then(|file| file.read(buffer));
            any |= bytes.is_some();
            bytes.unwrap_or(0)
        });
        self.bytes = Bytes { total, used, disk_total, disk_used };
        any
    }
}

impl Bytes {
    fn free(self) -> i64 {
        self.total.wrapping_sub(self.used)
    }

    fn disk_free(self) -> i64 {
        self.disk_total.wrapping_sub(self.disk_used)
    }
}

/// What is set apart for nothing yet, then free and used of each part.
fn disk_values(disks: i64, [data, metadata, system]: [Bytes; 3]) -> [i64; 7] {
    let allocated = data.disk_total.wrapping_add(metadata.disk_total).wrapping_add(system.disk_total);
    [
        disks.wrapping_sub(allocated),
        data.disk_free(),
        data.disk_used,
        metadata.disk_free(),
        metadata.disk_used,
        system.disk_free(),
        system.disk_used,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other folders are no file systems, and space is told apart.
    #[test]
    fn folders_and_space() {
        assert!(is_uuid(b"0c5a2b0e-7c1f-4c8e-9a57-0123456789ab"));
        assert!(!is_uuid(b"features") && !is_uuid(b"0c5a2b0e-7c1f-4c8e-9a57-0123456789ax") && !is_uuid(b""));
        let bytes = |total, used| Bytes { total, used, disk_total: 2 * total, disk_used: 2 * used };
        let values = disk_values(1000, [bytes(100, 70), bytes(50, 20), bytes(8, 1)]);
        assert_eq!(values, [684, 60, 140, 60, 40, 14, 2]);
        let absurd = Bytes { total: i64::MIN, used: 1, disk_total: i64::MIN, disk_used: i64::MAX };
        disk_values(i64::MIN, [absurd; 3]);
    }
}
