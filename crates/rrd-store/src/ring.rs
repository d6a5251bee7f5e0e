//! The ring of one chart: an open block of rows, and the sealed blocks behind it.
//!
//! ```text
//!  sealed[0]   sealed[1]   ...   sealed[n-1] | open block, row after row
//!  60 rows     60 rows           60 rows     | up to 80 rows
//! ```
//!
//! Blocks are aligned to 60 x update every of the wall clock, so the place of a row is arithmetic
//! and no time is stored. The open block has rows to spare: a host seals when it holds 60 rows
//! and its own share of the spare ones, so that hosts do not all seal at the full minute.

use std::collections::VecDeque;

use row::{ChartSlot, Packed, Sample};

use crate::block::{self, ROWS};
use crate::files::Journal;
use crate::slab::{BlockAt, Slabs};

/// Rows that the open block has room for.
pub(crate) const OPEN_ROWS_MAX: usize = 80;
const EMPTY: u32 = Packed::EMPTY.to_bits();

#[derive(Debug)]
pub(crate) struct Ring {
    /// Row after row, `stride` values each; the places of rows that did not come are empty.
    pub(crate) open: Vec<u32>,
    pub(crate) stride: usize,
    /// Rows of the open block in use, the newest being the last.
    pub(crate) open_rows: usize,
    /// The second of the open block's first row.
    pub(crate) open_start_s: i64,
    pub(crate) every_s: i64,
    /// The sealed blocks, each directly before the next, the last directly before the open block.
    pub(crate) sealed: VecDeque<BlockAt>,
    /// The oldest row that was ever written and may still be there.
    first_s: i64,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is the newest.
    Newest,
    /// It filled places that were empty.
    Filled,
    /// Its places were taken, or it is older than the history.
    Ignored,
}

/// What a ring needs of its host.
#[derive(Debug)]
pub(crate) struct Shelf<'a> {
    pub(crate) slabs: &'a mut Slabs,
    /// The host's share of the spare rows, 0 to 19.
    pub(crate) phase: usize,
    /// Rows to keep.
    pub(crate) history: u32,
    /// Where blocks are encoded and rows are decoded, before they go to their place.
    pub(crate) scratch: &'a mut Vec<u8>,
    /// Is told each block that is sealed or filled, with the chart's slot.
    pub(crate) journal: Option<(&'a mut Journal, ChartSlot)>,
}

impl Shelf<'_> {
    /// Tells the journal a row.
    pub(crate) fn note(&mut self, time_s: i64, samples: &[Sample]) {
        if let Some((journal, slot)) = &mut self.journal {
            journal.row(*slot, time_s, samples);
        }
    }

    /// Takes the block in the scratch space.
    fn keep(&mut self, start_s: i64) -> BlockAt {
        if let Some((journal, slot)) = &mut self.journal {
            journal.block(*slot, start_s, self.scratch);
        }
        self.slabs.push(self.scratch)
    }
}

impl Ring {
    pub(crate) fn new(every_s: u32) -> Self {
        Self {
            open: Vec::new(),
            stride: 0,
            open_rows: 0,
            open_start_s: 0,
            every_s: i64::from(every_s.max(1)),
            sealed: VecDeque::new(),
            first_s: 0,
        }
    }

    pub(crate) fn block_s(&self) -> i64 {
        self.every_s * ROWS as i64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open_rows == 0 && self.sealed.is_empty()
    }

    /// The newest row's second; 0 without one.
    pub(crate) fn last_s(&self) -> i64 {
        if self.is_empty() { 0 } else { self.open_start_s + (self.open_rows as i64 - 1) * self.every_s }
    }

    /// The second of the first sealed block's first row, or of the open block's.
    pub(crate) fn start_s(&self) -> i64 {
        self.open_start_s - self.sealed.len() as i64 * self.block_s()
    }

    /// The oldest row's second; 0 without one.
    pub(crate) fn first_s(&self) -> i64 {
        if self.is_empty() { 0 } else { self.first_s.max(self.start_s()) }
    }

    /// Keeps a row at `time_s`, a multiple of update every.
    pub(crate) fn append(&mut self, time_s: i64, samples: &[Sample], shelf: &mut Shelf<'_>) -> Kept {
        debug_assert_eq!(time_s.rem_euclid(self.every_s), 0);
        if self.stride != samples.len() {
            self.widen(samples.len());
        }
        if self.is_empty() {
            self.open_at(time_s);
        }
        let mut place = (time_s - self.open_start_s).div_euclid(self.every_s);
        if place < self.open_rows as i64 {
            return if place >= 0 {
                self.fill(place as usize, samples)
            } else {
                self.fill_sealed(time_s, samples, shelf)
            };
        }
        if place - self.open_rows as i64 > i64::from(shelf.history) {
            self.clear(shelf.slabs);
            self.open_at(time_s);
            place = (time_s - self.open_start_s).div_euclid(self.every_s);
        }
        while place >= OPEN_ROWS_MAX as i64 {
            self.seal(shelf);
            place -= ROWS as i64;
        }
        let place = place as usize;
        for (cell, sample) in self.open[place * self.stride..].iter_mut().zip(samples) {
            *cell = sample.value.to_bits();
        }
        self.open_rows = place + 1;
        if self.open_rows >= ROWS + shelf.phase {
            self.seal(shelf);
        }
        Kept::Newest
    }

    /// Opens the first block, so that `time_s` falls into it.
    fn open_at(&mut self, time_s: i64) {
        self.open_start_s = time_s.div_euclid(self.block_s()) * self.block_s();
        self.first_s = time_s;
    }

    /// Lays the open block out anew for more dimensions; the rows before have empty places there.
    fn widen(&mut self, stride: usize) {
        let mut open = vec![EMPTY; stride * OPEN_ROWS_MAX];
        let common = self.stride.min(stride);
        if common > 0 {
            for (to, from) in
                open.chunks_exact_mut(stride).zip(self.open.chunks_exact(self.stride)).take(self.open_rows)
            {
                to[..common].copy_from_slice(&from[..common]);
            }
        }
        self.open = open;
        self.stride = stride;
    }

    fn fill(&mut self, place: usize, samples: &[Sample]) -> Kept {
        let mut kept = Kept::Ignored;
        for (cell, sample) in self.open[place * self.stride..].iter_mut().zip(samples) {
            if *cell == EMPTY && !sample.value.is_empty() {
                *cell = sample.value.to_bits();
                kept = Kept::Filled;
            }
        }
        if kept == Kept::Filled {
            self.first_s = self.first_s.min(self.open_start_s + place as i64 * self.every_s);
        }
        kept
    }

    /// Fills a row's empty places in a sealed block: the block is decoded and appended anew.
    fn fill_sealed(&mut self, time_s: i64, samples: &[Sample], shelf: &mut Shelf<'_>) -> Kept {
        if time_s <= self.last_s() - i64::from(shelf.history) * self.every_s {
            return Kept::Ignored;
        }
        while time_s < self.start_s() {
            self.sealed.push_front(BlockAt::NONE);
        }
        let number = ((time_s - self.start_s()) / self.block_s()) as usize;
        let place = ((time_s - self.start_s()) % self.block_s() / self.every_s) as usize;
        let mut rows = vec![EMPTY; self.stride * ROWS];
        decode(self.sealed[number], &mut rows, self.stride, shelf);
        let mut kept = Kept::Ignored;
        for (cell, sample) in rows[place * self.stride..].iter_mut().zip(samples) {
            if *cell == EMPTY && !sample.value.is_empty() {
                *cell = sample.value.to_bits();
                kept = Kept::Filled;
            }
        }
        if kept == Kept::Filled {
            shelf.slabs.release(self.sealed[number]);
            shelf.scratch.clear();
            block::encode(shelf.scratch, &rows, self.stride);
            self.sealed[number] = shelf.keep(time_s - place as i64 * self.every_s);
            self.first_s = self.first_s.min(time_s);
        }
        kept
    }

    /// Seals the open block's first 60 rows.
    fn seal(&mut self, shelf: &mut Shelf<'_>) {
        let rows = self.open_rows.min(ROWS);
        let values = &self.open[..rows * self.stride];
        if values.iter().all(|&value| value == EMPTY) {
            self.sealed.push_back(BlockAt::NONE);
        } else {
            shelf.scratch.clear();
            block::encode(shelf.scratch, values, self.stride);
            self.sealed.push_back(shelf.keep(self.open_start_s));
        }
        let spare = self.open_rows - rows;
        self.open.copy_within(rows * self.stride..self.open_rows * self.stride, 0);
        self.open[spare * self.stride..self.open_rows * self.stride].fill(EMPTY);
        self.open_rows = spare;
        self.open_start_s += self.block_s();
        self.trim(0, shelf);
    }

    /// Lets go of blocks that history no longer covers, but for `more` of them.
    fn trim(&mut self, more: usize, shelf: &mut Shelf<'_>) {
        let keep = (shelf.history as usize).div_ceil(ROWS) + more;
        while self.sealed.len() > keep {
            if let Some(block) = self.sealed.pop_front() {
                shelf.slabs.release(block);
            }
        }
    }

    /// Forgets the rows after `time_s`, as after a clock that was set back.
    pub(crate) fn cut(&mut self, time_s: i64, shelf: &mut Shelf<'_>) {
        while self.open_start_s > time_s
            && let Some(block) = self.sealed.pop_back()
        {
            self.open.fill(EMPTY);
            decode(block, &mut self.open[..self.stride * ROWS], self.stride, shelf);
            shelf.slabs.release(block);
            self.open_rows = ROWS;
            self.open_start_s -= self.block_s();
        }
        let keep = ((time_s - self.open_start_s).div_euclid(self.every_s) + 1).clamp(0, self.open_rows as i64) as usize;
        self.open[keep * self.stride..].fill(EMPTY);
        self.open_rows = keep;
    }

    /// Puts a sealed block behind all others, as it comes from a disk. Returns whether it fits.
    pub(crate) fn restore(&mut self, start_s: i64, bytes: &[u8], stride: usize, shelf: &mut Shelf<'_>) -> bool {
        let Ok(rows) = Rows::of(bytes) else { return false };
        if self.is_empty() {
            let Some(first) = rows.first else { return true };
            self.widen(stride);
            self.open_start_s = start_s;
            self.first_s = start_s + first as i64 * self.every_s;
        }
        let missing = (start_s - self.open_start_s).div_euclid(self.block_s());
        if start_s % self.block_s() != 0 || self.open_rows > 0 {
            return false;
        }
        if missing < 0 {
            return self.restore_again(missing, bytes, shelf);
        }
        if missing > i64::from(shelf.history) / ROWS as i64 {
            self.clear(shelf.slabs);
            return self.restore(start_s, bytes, stride, shelf);
        }
        self.sealed.extend((0..missing).map(|_| BlockAt::NONE));
        self.sealed.push_back(shelf.slabs.push(bytes));
        self.open_start_s = start_s + self.block_s();
        // The last one or two were open, and will be so again.
        self.trim(2, shelf);
        true
    }

    /// Puts a block in the place of an older one of the same seconds: it has all its rows, and more.
    fn restore_again(&mut self, from_end: i64, bytes: &[u8], shelf: &mut Shelf<'_>) -> bool {
        let Some(number) = self.sealed.len().checked_add_signed(from_end as isize) else { return false };
        let Some(place) = self.sealed.get_mut(number) else { return false };
        shelf.slabs.release(*place);
        *place = shelf.slabs.push(bytes);
        true
    }

    /// Opens the last sealed block again, as far as it has rows: the next rows go there.
    pub(crate) fn reopen(&mut self, shelf: &mut Shelf<'_>) {
        let Some(block) = self.sealed.pop_back() else { return };
        decode(block, &mut self.open[..self.stride * ROWS], self.stride, shelf);
        shelf.slabs.release(block);
        self.open_start_s -= self.block_s();
        let used = self.open.iter().rposition(|&value| value != EMPTY).map_or(0, |last| last / self.stride + 1);
        self.open_rows = used;
        self.trim(0, shelf);
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self, slabs: &mut Slabs) {
        for block in self.sealed.drain(..) {
            slabs.release(block);
        }
        self.open.fill(EMPTY);
        self.open_rows = 0;
    }

    /// Bytes that the ring takes beside its blocks.
    pub(crate) fn bytes(&self) -> usize {
        self.open.capacity() * 4 + self.sealed.capacity() * size_of::<BlockAt>()
    }
}

/// What is to be known of a block that comes from a disk.
struct Rows {
    /// The first row with a value.
    first: Option<usize>,
}

impl Rows {
    /// Decodes the whole block.
    fn of(bytes: &[u8]) -> Result<Self, block::Damaged> {
        let mut reader = block::Reader::new(bytes)?;
        let mut column = [EMPTY; ROWS];
        let mut first = None;
        while reader.next(Some(&mut column))? {
            let of_column = column.iter().position(|&value| value != EMPTY);
            first = [first, of_column].into_iter().flatten().min();
        }
        Ok(Self { first })
    }
}

/// Decodes a sealed block to rows of `stride` values; places that it does not have stay as they are.
fn decode(at: BlockAt, rows: &mut [u32], stride: usize, shelf: &mut Shelf<'_>) {
    shelf.scratch.clear();
    let bytes = shelf.slabs.read(at, shelf.scratch);
    let Some(mut reader) = bytes.get(shelf.scratch).and_then(|bytes| block::Reader::new(bytes).ok()) else { return };
    let mut column = [EMPTY; ROWS];
    for dimension in 0..stride {
        if reader.next(Some(&mut column)) != Ok(true) {
            return;
        }
        for (row, value) in rows.chunks_exact_mut(stride).zip(column) {
            row[dimension] = value;
        }
    }
}
