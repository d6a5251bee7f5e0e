//! Saved hosts: what a node writes at an orderly stop and reads at its next start.
//!
//! One file per host, `GUID/saved-NUMBER`: a sequence of records, each with its length and
//! checksum, all numbers little endian, nothing that depends on where it lies. A save writes a file
//! with the next number, syncs it, and only then removes the one before; so a stop that is cut
//! short costs nothing that was saved earlier. A damaged record costs itself: the rest is read.
//!
//! ```text
//! record   u32 length of the payload, u32 CRC-32 of it, payload
//! payload  u8 kind, then:
//!   1      header   "tributary", u16 version, 16 bytes machine GUID
//!   2      host     how it is kept, texts and numbers of the handshake, labels
//!   3      chart    u32 number in this file, definition, dimensions, labels, variables
//!   4      block    u32 number of the chart, i64 second of its first row, the sealed block
//!   5      end      u32 records before it
//! text     u16 length, bytes
//! ```

mod bytes;
mod read;
mod restore;
#[cfg(test)]
mod tests;
mod write;

use std::io;

use row::Guid;

pub(crate) use read::{is_whole, read_host};
pub(crate) use restore::Restoring;
pub(crate) use write::write_host;

use crate::disk::Disk;

const VERSION: u16 = 1;
const MAGIC: &[u8] = b"tributary";
/// No record is longer: a block of the widest chart fits.
const PAYLOAD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A file is written in pieces of about this size.
const PIECE_BYTES: usize = 256 * 1024;

/// The kinds of records.
mod kind {
    pub(super) const HEADER: u8 = 1;
    pub(super) const HOST: u8 = 2;
    pub(super) const CHART: u8 = 3;
    pub(super) const BLOCK: u8 = 4;
    pub(super) const END: u8 = 5;
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

/// The number of a saved file, where the name is that of one.
fn number(name: &str) -> Option<(Guid, u64)> {
    let (folder, file) = name.split_once('/')?;
    Some((folder.parse().ok()?, file.strip_prefix("saved-")?.parse().ok()?))
}

fn file_name(guid: Guid, number: u64) -> String {
    format!("{guid}/saved-{number}")
}

/// Removes the files of a host that are older than `number`.
///
/// # Errors
/// Where the disk refuses.
pub(crate) fn remove_older(disk: &dyn Disk, guid: Guid, number: u64) -> io::Result<()> {
    let older = files(disk)?.into_iter().filter(|&(other, older)| other == guid && older < number);
    older.into_iter().try_for_each(|(_, older)| disk.remove(&file_name(guid, older)))
}

/// The saved files of all hosts, the newest of each last.
///
/// # Errors
/// Where the disk cannot be listed.
pub(crate) fn files(disk: &dyn Disk) -> io::Result<Vec<(Guid, u64)>> {
    let mut files: Vec<_> = disk.list()?.iter().filter_map(|name| number(name)).collect();
    files.sort();
    Ok(files)
}
