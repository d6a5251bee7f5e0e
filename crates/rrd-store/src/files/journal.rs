//! The journal of a host in memory: what was written since the disk was last told.
//!
//! Lies under the host's lock and is only appended to there, like a tap; the keeper takes it once a
//! second. It is bounded: what does not fit is forgotten, and the keeper writes everything anew.

use row::ChartSlot;

use super::bytes::Put;
use crate::ring::Bits;
use crate::slab::BlockAt;

/// Bytes of rows that may wait for a disk that is slow or full.
const ROW_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Blocks, definitions and the like that may wait.
const NOTES_MAX: usize = 1_000_000;

/// Rows, blocks and changed definitions since the last take.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// By level: rows as they were stored, then the tiers.
    pub(crate) levels: Vec<Gathered>,
    /// Charts whose definition changed.
    pub(crate) changed: Vec<ChartSlot>,
    /// Numbers of charts that are no more.
    pub(crate) gone: Vec<u32>,
    pub(crate) overflowed: bool,
}

/// What one level gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Rows as in a record of rows.
    pub(crate) rows: Vec<u8>,
    /// The newest of them.
    pub(crate) newest_s: i64,
    /// Blocks that were sealed. Their bytes are in the slabs until the disk has them.
    pub(crate) sealed: Vec<Sealed>,
}

/// A block that was sealed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed {
    pub(crate) slot: ChartSlot,
    pub(crate) start_s: i64,
    pub(crate) at: BlockAt,
}

/// A journal, and the chart whose rows it is told.
#[derive(Debug)]
pub(crate) struct Noting<'a> {
    pub(crate) journal: &'a mut Journal,
    pub(crate) slot: ChartSlot,
    /// The chart's number in files.
    pub(crate) number: u32,
    pub(crate) level: usize,
}

impl Noting<'_> {
    pub(crate) fn row<R: Bits + ?Sized>(&mut self, time_s: i64, row: &R) {
        let Some(level) = self.journal.level(self.level, |level| level.rows.len() < ROW_BYTES_MAX) else { return };
        level.newest_s = level.newest_s.max(time_s);
        level.rows.put_u32(self.number);
        level.rows.put_i64(time_s);
        level.rows.put_u16(row.count() as u16);
        row.each().for_each(|bits| level.rows.put_u32(bits));
    }

    pub(crate) fn sealed(&mut self, start_s: i64, at: BlockAt) {
        let sealed = Sealed { slot: self.slot, start_s, at };
        if let Some(level) = self.journal.level(self.level, |level| level.sealed.len() < NOTES_MAX) {
            level.sealed.push(sealed);
        }
    }
}

impl Journal {
    /// A level, unless it has no room.
    fn level(&mut self, number: usize, has_room: impl Fn(&Gathered) -> bool) -> Option<&mut Gathered> {
        if self.levels.len() <= number {
            self.levels.resize_with(number + 1, Gathered::default);
        }
        let has_room = has_room(&self.levels[number]);
        self.overflowed |= !has_room;
        has_room.then(|| &mut self.levels[number])
    }

    /// A chart is new, or its definition changed.
    pub(crate) fn changed(&mut self, slot: ChartSlot) {
        if self.changed.last() == Some(&slot) {
            return;
        }
        if self.changed.len() >= NOTES_MAX {
            self.overflowed = true;
            return;
        }
        self.changed.push(slot);
    }

    /// A chart is no more.
    pub(crate) fn gone(&mut self, number: u32) {
        if self.gone.len() < NOTES_MAX {
            self.gone.push(number);
        } else {
            self.overflowed = true;
        }
    }

    /// Whether the disk knows everything.
    pub(crate) fn is_empty(&self) -> bool {
        !self.overflowed
            && self.changed.is_empty()
            && self.gone.is_empty()
            && self.levels.iter().all(|level| level.rows.is_empty() && level.sealed.is_empty())
    }
}
