//! Files of hosts: what survives a restart, a kill or a power loss.
//!
//! ```text
//! GUID/segment-NUMBER   definitions and sealed blocks, in the order in which they were sealed
//! GUID/journal-NUMBER   rows since, each second's in one record, without a header: it belongs to
//!                       the segment of the same number, which numbers its charts
//! ```
//!
//! Both are sequences of records, each with its length and checksum, all numbers little endian,
//! nothing that depends on where it lies:
//!
//! ```text
//! record   u32 length of the payload, u32 CRC-32 of it, payload
//! payload  u8 kind, then:
//!   1      header   "tributary", u16 version, 16 bytes machine GUID, u8 1: an end will come
//!   2      host     how it is kept, texts and numbers of the handshake, labels
//!   3      chart    u32 number in this file, definition, dimensions, labels; again where it changed
//!   4      block    u32 number of the chart, i64 second of its first row, the sealed block
//!   5      end      u32 records before it, where the file was written in one go
//!   6      rows     rows: u32 number of the chart, i64 second, u16 values, u32 each
//! text     u16 length, bytes
//! ```
//!
//! Memory mode `save` writes one segment per host at an orderly stop ([`write_segment`]) and removes
//! the older ones once it is synced. Mode `map` keeps both going ([`Keeper`]). To load a host, its
//! segments are read in order, a block taking the place of an older one of the same second, then its
//! journals, whose rows fill what is empty. A damaged record costs itself; the rest is read.

mod bytes;
mod journal;
mod keeper;
mod read;
mod records;
mod restore;
#[cfg(test)]
mod tests;
mod write;

use std::io;

use row::Guid;

pub(crate) use journal::Journal;
pub use keeper::{Keeper, Trouble};
pub(crate) use read::read_file;
pub(crate) use restore::Restoring;
pub(crate) use write::write_segment;

use crate::disk::Disk;

const VERSION: u16 = 1;
const MAGIC: &[u8] = b"tributary";
/// No record is longer: a block of the widest chart fits.
const PAYLOAD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The kinds of records.
mod kind {
    pub(super) const HEADER: u8 = 1;
    pub(super) const HOST: u8 = 2;
    pub(super) const CHART: u8 = 3;
    pub(super) const BLOCK: u8 = 4;
    pub(super) const END: u8 = 5;
    pub(super) const ROWS: u8 = 6;
}

/// Something on the disk that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: at {offset}: {what}")]
pub struct Damage {
    /// The file.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// What is wrong there.
    pub what: &'static str,
}

/// The two kinds of files, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    Segment,
    Journal,
}

/// A file of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileName {
    pub(crate) guid: Guid,
    pub(crate) kind: FileKind,
    pub(crate) number: u64,
}

impl FileName {
    const PREFIXES: [(FileKind, &'static str); 2] = [(FileKind::Segment, "segment-"), (FileKind::Journal, "journal-")];

    fn parse(name: &str) -> Option<Self> {
        let (folder, file) = name.split_once('/')?;
        let guid = folder.parse().ok()?;
        Self::PREFIXES.into_iter().find_map(|(kind, prefix)| {
            let number = file.strip_prefix(prefix)?.parse().ok()?;
            Some(Self { guid, kind, number })
        })
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let prefix = Self::PREFIXES.iter().find(|(kind, _)| *kind == self.kind).map_or("", |(_, prefix)| prefix);
        write!(f, "{}/{prefix}{}", self.guid, self.number)
    }
}

/// The files of all hosts: by host, segments before journals, by number.
///
/// # Errors
/// Where the disk cannot be listed.
pub(crate) fn list(disk: &dyn Disk) -> io::Result<Vec<FileName>> {
    let mut files: Vec<_> = disk.list()?.iter().filter_map(|name| FileName::parse(name)).collect();
    files.sort();
    Ok(files)
}

/// Removes the files of a host with a lower number than `number`.
///
/// # Errors
/// Where the disk refuses.
pub(crate) fn remove_older(disk: &dyn Disk, guid: Guid, number: u64) -> io::Result<()> {
    let older = list(disk)?.into_iter().filter(|file| file.guid == guid && file.number < number);
    older.into_iter().try_for_each(|file| disk.remove(&file.to_string()))
}
