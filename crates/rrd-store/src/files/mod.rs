//! Files of hosts: what survives a restart, a kill or a power loss.
//!
//! ```text
//! GUID/charts-NUMBER    who the host is, and its charts
//! GUID/segment-NUMBER   sealed blocks, in the order in which they were sealed
//! GUID/journal-NUMBER   rows since, each second's in one record, until the next segment has them
//! ```
//!
//! All are sequences of records, each with its length and checksum, all numbers little endian,
//! nothing that depends on where it lies; `docs/storage-format.md` has each byte:
//!
//! ```text
//! record   u32 length of the payload, u32 CRC-32 of it, payload
//! payload  u8 kind, then:
//!   1      header   "tributary", u16 version, 16 bytes machine GUID, u8 which file, u32 step,
//!                   u8 1: an end will come
//!   2      host     how it is kept, texts and numbers of the handshake, labels
//!   3      chart    u32 number, definition, dimensions, labels; again where it changed
//!   4      block    u32 number of the chart, i64 second of its first row, the sealed block
//!   5      end      u32 records before it, where the file was written in one go; tail
//!   6      rows     rows: u32 number of the chart, i64 second, u16 values, u32 each; tail
//!   7      gone     u32 number of a chart that is no more
//! tail     i64 newest second, u32 length of the payload: the last bytes of a file tell how old it is
//! text     u16 length, bytes
//! ```
//!
//! A chart keeps its number as long as the host's folder lasts. Memory mode `save` writes all anew at
//! an orderly stop ([`save`]) and removes the older files once that is synced. Mode `map` keeps them
//! going ([`Keeper`]), and its sealed blocks are read from there ([`OnDisk`]). To load a host, its
//! charts are read, then its segments in order, a block taking the place of an older one of the same
//! second, then its journals, whose rows fill what is empty. A damaged record costs itself; the rest
//! is read.

mod batch;
mod bytes;
mod journal;
mod keeper;
mod level;
mod on_disk;
mod read;
mod records;
mod restore;
mod save;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::sync::{Mutex, PoisonError};

use row::Guid;

pub(crate) use journal::{Journal, Noting};
pub use keeper::{Keeper, Trouble};
pub(crate) use on_disk::{Blocks, OnDisk};
pub(crate) use restore::{find, oldest_s, restore};
pub(crate) use save::save;

use crate::disk::Disk;

const VERSION: u16 = 2;
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
    pub(super) const GONE: u8 = 7;
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

/// Damages that nobody was told yet.
#[derive(Debug, Default)]
pub(crate) struct Damages(Mutex<Vec<Damage>>);

impl Damages {
    /// Damages that wait at most.
    const MAX: usize = 1_000;

    pub(crate) fn add(&self, damages: Vec<Damage>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = Self::MAX - waiting.len();
        waiting.extend(damages.into_iter().take(room));
    }

    pub(crate) fn take(&self) -> Vec<Damage> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The kinds of files, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    Charts,
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
    const PREFIXES: [(FileKind, &'static str); 3] =
        [(FileKind::Charts, "charts-"), (FileKind::Segment, "segment-"), (FileKind::Journal, "journal-")];

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

/// The files of all hosts: by host, kind and number.
///
/// # Errors
/// Where the disk cannot be listed.
pub(crate) fn list(disk: &dyn Disk) -> io::Result<Vec<FileName>> {
    Ok(parse(&disk.list()?))
}

/// The files of one host: by kind and number.
///
/// # Errors
/// Where the disk cannot be listed.
pub(crate) fn list_host(disk: &dyn Disk, guid: Guid) -> io::Result<Vec<FileName>> {
    Ok(parse(&disk.list_folder(&guid.to_string())?))
}

fn parse(names: &[String]) -> Vec<FileName> {
    let mut files: Vec<_> = names.iter().filter_map(|name| FileName::parse(name)).collect();
    files.sort();
    files
}

/// Removes the files of a host that `which` picks.
///
/// # Errors
/// Where the disk refuses.
pub(crate) fn remove(disk: &dyn Disk, guid: Guid, which: impl Fn(FileName) -> bool) -> io::Result<()> {
    let picked = list_host(disk, guid)?.into_iter().filter(|file| which(*file));
    picked.into_iter().try_for_each(|file| disk.remove(&file.to_string()))
}

/// Removes all files of hosts.
///
/// # Errors
/// Where the disk refuses.
pub fn remove_hosts(disk: &dyn Disk, guids: &[Guid]) -> io::Result<()> {
    guids.iter().try_for_each(|&guid| remove(disk, guid, |_| true))
}
