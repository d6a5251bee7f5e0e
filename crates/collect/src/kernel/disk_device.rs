//! What is known about a disk beside its counters: kind, name, where it is mounted.
//!
//! All of it is looked up once, when the disk is first listed, in `/sys`, `/dev` and the table of
//! mounts. A disk that is mounted later keeps what it was told first.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::file::{Buffer, read_once, under};
use crate::mountinfo::{self, MountLine, unescape};
use crate::names::{chart_name, text_of};
use crate::scan::lines;

/// Where disks have names that people gave them, best first.
const NAME_FOLDERS: [&str; 3] = ["/dev/vx/dsk", "/dev/mapper", "/dev/disk/by-label"];
/// Entries of a folder of names that are looked at.
const NAME_ENTRIES_MAX: usize = 4096;
/// Folders below a folder of names: `/dev/vx/dsk` has one per group of disks.
const NAME_DEPTH_MAX: u32 = 2;

/// What kind of block device it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A disk as the machine has it.
    Physical,
    /// A part of one.
    Partition,
    /// Made of others, or of memory.
    Virtual,
    /// `/sys` does not say.
    Unknown,
}

impl Kind {
    /// The value of the label `device_type`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Physical => "physical",
            Self::Partition => "partition",
            Self::Virtual => "virtual",
            Self::Unknown => "unknown",
        }
    }

    /// Looks the kind up in `/sys`; later findings win over earlier ones.
    pub(crate) fn find(root: &Path, name: &[u8], number: (u32, u32)) -> Self {
        let name = sys_name(name);
        let by_number = under(root, "/sys/dev/block").join(format!("{}:{}", number.0, number.1));
        let mut kind = Self::Unknown;
        if under(root, "/sys/block").join(&name).exists() {
            kind = Self::Physical;
        } else if by_number.join("partition").exists() {
            kind = Self::Partition;
        }
        let made_of_others = fs::read_dir(by_number.join("slaves")).is_ok_and(|mut entries| entries.next().is_some());
        if made_of_others || under(root, "/sys/devices/virtual/block").join(&name).exists() {
            kind = Self::Virtual;
        }
        kind
    }
}

/// The file name of a device in `/sys`, where `!` stands for `/`.
fn sys_name(name: &[u8]) -> PathBuf {
    let name: Vec<u8> = name.iter().map(|&byte| if byte == b'/' { b'!' } else { byte }).collect();
    PathBuf::from(OsStr::from_bytes(&name))
}

/// The id of a device in charts: its name, with the volume's own identity if it is a logical
/// volume, since such devices are numbered anew at each start.
pub(crate) fn find_id(root: &Path, name: &[u8], buffer: &mut Buffer) -> String {
    let path = under(root, "/sys/devices/virtual/block").join(sys_name(name)).join("dm/uuid");
    let uuid = read_once(&path, buffer).ok().and_then(|text| text.trim_ascii().strip_prefix(b"LVM-"));
    match uuid {
        Some(uuid) => text_of(&[name, b"-", uuid].concat()),
        None => text_of(name),
    }
}

/// The name that people know a device by: one they gave it, else the kernel's.
pub(crate) fn find_name(root: &Path, name: &[u8], number: (u32, u32)) -> String {
    let given = NAME_FOLDERS.iter().find_map(|folder| find_entry(&under(root, folder), name, number, 0));
    chart_name(given.as_deref().unwrap_or(name))
}

fn find_entry(folder: &Path, name: &[u8], number: (u32, u32), depth: u32) -> Option<Vec<u8>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder).ok()?.take(NAME_ENTRIES_MAX).flatten() {
        let path = entry.path();
        if is_device(&path, name, number) {
            return Some(entry.file_name().as_bytes().to_vec());
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && depth < NAME_DEPTH_MAX {
            folders.push(path);
        }
    }
    folders.iter().find_map(|folder| find_entry(folder, name, number, depth + 1))
}

/// Whether `path` is the device, or a link to it.
fn is_device(path: &Path, name: &[u8], (major, minor): (u32, u32)) -> bool {
    let linked = fs::read_link(path).is_ok_and(|target| target.file_name().is_some_and(|last| last.as_bytes() == name));
    linked
        || fs::metadata(path)
            .is_ok_and(|found| found.file_type().is_block_device() && found.rdev() == device_number(major, minor))
}

/// A device's number as `stat` tells it.
fn device_number(major: u32, minor: u32) -> u64 {
    let (major, minor) = (u64::from(major), u64::from(minor));
    minor & 0xff | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32
}

/// Where a device is mounted, if it is: its whole tree first, else some part of it.
pub(crate) fn find_mount(root: &Path, name: &[u8], number: (u32, u32), buffer: &mut Buffer) -> Option<String> {
    let text = read_once(&under(root, mountinfo::PATH), buffer).ok()?;
    mount_of(text, name, number)
}

fn mount_of(text: &[u8], name: &[u8], (major, minor): (u32, u32)) -> Option<String> {
    let number = format!("{major}:{minor}");
    let mut part = None;
    for mount in lines(text).filter_map(MountLine::parse) {
        let same_source = mount.source.strip_prefix(b"/dev/") == Some(name);
        if mount.number != number.as_bytes() && !same_source {
            continue;
        }
        if mount.root == b"/" {
            return Some(text_of(&unescape(mount.point)));
        }
        part.get_or_insert(mount.point);
    }
    part.map(|point| text_of(&unescape(point)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"22 27 0:21 / /proc rw - proc proc rw\n\
        27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        28 1 254:0 / /copy rw - ext4 /dev/vda rw\n\
        30 27 8:1 /data /some rw - ext4 /dev/sda1 rw\n\
        31 27 8:1 / /mnt/a\\040b\\134 rw - ext4 /dev/sda1 rw\n\
        32 27 0:40 / /btrfs rw shared:5 master:6 - btrfs /dev/sdb rw\n\
        33 27 8:32 /sub /part rw - ext4 /dev/sdc rw\ncut 1 2:3\n\n";

    /// The whole tree wins, then the first; file systems over several disks are found by source.
    #[test]
    fn mounts_are_found() {
        for (name, number, expected) in [
            ("vda", (254, 0), Some("/")),
            ("sda1", (8, 1), Some("/mnt/a b_")),
            ("sdb", (8, 16), Some("/btrfs")),
            ("sdc", (8, 32), Some("/part")),
            ("sdd", (8, 48), None),
            ("x", (2, 3), None),
        ] {
            assert_eq!(mount_of(MOUNTS, name.as_bytes(), number).as_deref(), expected, "{name}");
        }
        crate::tests::mutate(MOUNTS, |text| {
            mount_of(text, b"sda1", (8, 1));
        });
    }

    /// The packing of the kernel's `stat`, low and high parts apart.
    #[test]
    fn device_numbers() {
        assert_eq!(device_number(8, 1), 0x801);
        assert_eq!(device_number(259, 300), 0x11_032c);
    }

    /// Kinds, ids and names come from `/sys` and `/dev` under the root.
    #[test]
    fn devices_are_looked_up() {
        let root = tempfile::tempdir().unwrap();
        for folder in [
            "sys/block/sda",
            "sys/block/dm-0",
            "sys/block/cciss!c0d0",
            "sys/dev/block/8:1/partition",
            "sys/dev/block/9:0/slaves/sda",
            "sys/devices/virtual/block/dm-0/dm",
            "dev/mapper/deep/er",
        ] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("sys/devices/virtual/block/dm-0/dm/uuid"), "LVM-AbC\n").unwrap();
        std::os::unix::fs::symlink("../../dm-0", root.path().join("dev/mapper/deep/Vg,Root x")).unwrap();
        let mut buffer = Buffer::new();
        for (name, number, kind, id, display) in [
            ("sda", (8, 0), Kind::Physical, "sda", "sda"),
            ("sda1", (8, 1), Kind::Partition, "sda1", "sda1"),
            ("dm-0", (253, 0), Kind::Virtual, "dm-0-AbC", "vg.root_x"),
            ("md0", (9, 0), Kind::Virtual, "md0", "md0"),
            ("cciss/c0d0", (104, 0), Kind::Physical, "cciss/c0d0", "cciss/c0d0"),
            ("none", (1, 2), Kind::Unknown, "none", "none"),
        ] {
            assert_eq!(Kind::find(root.path(), name.as_bytes(), number), kind, "{name}");
            assert_eq!(find_id(root.path(), name.as_bytes(), &mut buffer), id);
            assert_eq!(find_name(root.path(), name.as_bytes(), number), display);
        }
    }
}
