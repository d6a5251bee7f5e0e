//! The journal of a host in memory: what was written since the disk was last told.
//!
//! Lies under the host's lock and is only appended to there, like a tap; the keeper takes it once a
//! second. It is bounded: what does not fit is forgotten, and the keeper writes everything anew.

use row::{ChartSlot, Sample};

use super::bytes::Put;

/// Bytes that may wait for a disk that is slow or full.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Rows, blocks and changed definitions since the last take.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Rows as in a record of rows.
    pub(crate) rows: Vec<u8>,
    /// Blocks, each with the length of what follows it in front.
    pub(crate) blocks: Vec<u8>,
    pub(crate) changed: Vec<ChartSlot>,
    pub(crate) overflowed: bool,
}

impl Journal {
    fn has_room(&mut self) -> bool {
        let fits = self.rows.len() + self.blocks.len() < BYTES_MAX;
        self.overflowed |= !fits;
        fits
    }

    pub(crate) fn row(&mut self, slot: ChartSlot, time_s: i64, samples: &[Sample]) {
        if self.has_room() {
            self.rows.put_u32(slot.0);
            self.rows.put_i64(time_s);
            self.rows.put_u16(samples.len() as u16);
            for sample in samples {
                self.rows.put_u32(sample.value.to_bits());
            }
        }
    }

    pub(crate) fn block(&mut self, slot: ChartSlot, start_s: i64, bytes: &[u8]) {
        if self.has_room() {
            self.blocks.put_u32(4 + 8 + bytes.len() as u32);
            self.blocks.put_u32(slot.0);
            self.blocks.put_i64(start_s);
            self.blocks.extend_from_slice(bytes);
        }
    }

    pub(crate) fn changed(&mut self, slot: ChartSlot) {
        if !self.changed.contains(&slot) {
            self.changed.push(slot);
        }
    }

    /// The blocks one by one, as the payloads of their records.
    pub(super) fn each_block(blocks: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut rest = blocks;
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (block, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            Some(block)
        })
    }
}
