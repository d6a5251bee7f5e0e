//! Sealed blocks that lie in segments: read one at a time, outside the host's lock.

use std::sync::Arc;

use row::Guid;

use super::bytes::Take;
use super::{FileKind, FileName, PAYLOAD_BYTES_MAX, kind};
use crate::disk::{Disk, DiskFile};
use crate::host::Which;

/// Read at first: most blocks are shorter.
const READ_BYTES: usize = 1_024;
/// What stands before a block: the record's head, its kind, the chart, the second.
const BLOCK_OFFSET: usize = 8 + 1 + 4 + 8;

/// The folder of a host whose blocks stay on the disk.
#[derive(Debug, Clone)]
pub(crate) struct OnDisk {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) guid: Guid,
    /// Whether blocks of a host that is kept like this stay here.
    pub(crate) stays: Which,
}

impl OnDisk {
    /// A reader, which keeps the segments open that it was asked for.
    pub(crate) fn blocks(&self) -> Blocks<'_> {
        Blocks { folder: self, open: Vec::new() }
    }
}

/// Reads blocks of one host.
pub(crate) struct Blocks<'a> {
    folder: &'a OnDisk,
    open: Vec<(u64, Box<dyn DiskFile>)>,
}

impl Blocks<'_> {
    /// Appends the bytes of the block whose record begins at `offset` of a segment. `None` where it is
    /// not there any more, or damaged; then `out` is as it was.
    pub(crate) fn read(&mut self, segment: u64, offset: u64, out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        let read = self.record(segment, offset, out, start);
        if read.is_none() {
            out.truncate(start);
        }
        read
    }

    fn record(&mut self, segment: u64, offset: u64, out: &mut Vec<u8>, start: usize) -> Option<()> {
        let file = self.file(segment)?;
        out.resize(start + READ_BYTES, 0);
        let count = file.read_at(offset, &mut out[start..]).ok()?;
        out.truncate(start + count);
        let mut take = Take::new(&out[start..]);
        let (length, checksum) = (take.u32().ok()? as usize, take.u32().ok()?);
        if !(BLOCK_OFFSET - 8..=PAYLOAD_BYTES_MAX).contains(&length) {
            return None;
        }
        out.resize(start + 8 + length, 0);
        if length + 8 > count {
            let rest = file.read_at(offset + count as u64, &mut out[start + count..]).ok()?;
            if count + rest < 8 + length {
                return None;
            }
        }
        let payload = &out[start + 8..];
        if payload[0] != kind::BLOCK || crc32fast::hash(payload) != checksum {
            return None;
        }
        out.drain(start..start + BLOCK_OFFSET);
        Some(())
    }

    fn file(&mut self, segment: u64) -> Option<&dyn DiskFile> {
        let known = self.open.iter().position(|(number, _)| *number == segment);
        let place = known.or_else(|| {
            let name = FileName { guid: self.folder.guid, kind: FileKind::Segment, number: segment };
            self.open.push((segment, self.folder.disk.open(&name.to_string()).ok()?));
            Some(self.open.len() - 1)
        })?;
        Some(&*self.open[place].1)
    }
}
