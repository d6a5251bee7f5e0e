//! The ring of one chart: an open block of rows, and the sealed blocks behind it.
//!
//! ```text
//!  sealed[0]   sealed[1]   ...   sealed[n-1] | open block, row after row
//!  60 rows     60 rows           60 rows     | up to 80 rows
//!                late: rows of a sealed block, being filled
//! ```
//!
//! Blocks are aligned to 60 x update every of the wall clock, so the place of a row is arithmetic
//! and no time is stored. The open block has rows to spare: a host seals when it holds 60 rows
//! and its own share of the spare ones, so that hosts do not all seal at the full minute.
//!
//! A row that comes for a sealed block opens it again, as a [`Late`] block; the next rows of a
//! replication go there, too. It is sealed when rows of another block come, or with the next seal.
//! A block that lies on the disk is not read here: its late rows wait for the keeper.
//!
//! The rows of a tier lie in a ring, too. Its open block is not there for every second, so it grows
//! with its rows.

use std::collections::VecDeque;

use row::{Packed, Sample};

use crate::block::{self, ROWS};
use crate::files::Noting;
use crate::late::{Late, Repairs};
use crate::slab::{BlockAt, Slabs};
use crate::tier::{self, Part, Summary, Tier};

/// Rows that the open block has room for.
pub(crate) const OPEN_ROWS_MAX: usize = 80;
/// Rows by which the open block of a tier grows.
const GROWTH_ROWS: usize = 8;
const EMPTY: u32 = Packed::EMPTY.to_bits();

/// The part that rows touch comes first.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Ring {
    /// Row after row, `stride` values each; the places of rows that did not come are empty.
    pub(crate) open: Vec<u32>,
    pub(crate) stride: usize,
    /// Rows of the open block in use, the newest being the last.
    pub(crate) open_rows: usize,
    /// The second of the open block's first row.
    pub(crate) open_start_s: i64,
    pub(crate) every_s: i64,
    /// The oldest row that was ever written and may still be there.
    pub(crate) first_s: i64,
    /// The sealed blocks, each directly before the next, the last directly before the open block.
    pub(crate) sealed: VecDeque<BlockAt>,
    /// Sealed blocks with rows that came late. The last may be the one that is being filled.
    pub(crate) late: Vec<Late>,
    /// The open block has room for the rows that came, and some more; otherwise for all.
    grows: bool,
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
    /// Too many rows came late at once.
    Refused,
}

/// A row's packed numbers.
pub(crate) trait Bits {
    /// How many there are.
    fn count(&self) -> usize;
    /// Each of them.
    fn each(&self) -> impl Iterator<Item = u32>;
}

impl Bits for [Sample] {
    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self) -> impl Iterator<Item = u32> {
        self.iter().map(|sample| sample.value.to_bits())
    }
}

impl Bits for [u32] {
    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self) -> impl Iterator<Item = u32> {
        self.iter().copied()
    }
}

/// What a ring needs of its host.
#[derive(Debug)]
pub(crate) struct Shelf<'a> {
    pub(crate) slabs: &'a mut Slabs,
    /// The host's share of the spare rows, 0 to 19.
    pub(crate) phase: usize,
    /// Rows to keep.
    pub(crate) history: u32,
    /// The level of a tier whose blocks may take so many bytes.
    pub(crate) budget: Option<(usize, u64)>,
    /// Where blocks are encoded and rows are decoded, before they go to their place.
    pub(crate) scratch: &'a mut Vec<u8>,
    /// What late rows may still cost.
    pub(crate) repairs: &'a mut Repairs,
    /// Is told each row and each block.
    pub(crate) journal: Option<Noting<'a>>,
    /// Sum up the rows of each block that is sealed; the finest comes first.
    pub(crate) tiers: &'a mut [Tier],
    /// Seconds that are to be kept however short the history is: what the next tier sums up is made up
    /// from there after a start.
    pub(crate) least_s: u32,
}

impl Shelf<'_> {
    /// How many rows to keep that are `every_s` apart. Those of the period that a tier sums up are in
    /// whole blocks, or in the open one.
    fn rows(&self, every_s: i64) -> i64 {
        let least = if self.least_s > 0 { i64::from(self.least_s) / every_s + ROWS as i64 } else { 0 };
        i64::from(self.history).max(least)
    }

    /// Tells the journal a row.
    pub(crate) fn note<R: Bits + ?Sized>(&mut self, time_s: i64, row: &R) {
        if let Some(journal) = &mut self.journal {
            journal.row(time_s, row);
        }
    }

    /// Counts a block of a tier that is limited in bytes.
    fn count(&mut self, start_s: i64, bytes: usize) {
        if let Some((level, limit)) = self.budget {
            self.slabs.budgets.add(level, limit, start_s, bytes);
        }
    }

    /// A block in memory is about to be replaced: it no longer counts.
    pub(crate) fn forget(&mut self, start_s: i64, at: BlockAt) {
        if let Some((level, _)) = self.budget {
            let bytes = self.slabs.length(at);
            self.slabs.budgets.remove(level, start_s, bytes);
        }
    }

    /// Takes the block in the scratch space.
    pub(crate) fn keep(&mut self, start_s: i64) -> BlockAt {
        let at = self.slabs.push(self.scratch);
        self.count(start_s, self.scratch.len());
        if let Some(journal) = &mut self.journal {
            journal.sealed(start_s, at);
        }
        at
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
            late: Vec::new(),
            first_s: 0,
            grows: false,
        }
    }

    /// A ring whose open block has no room to spare.
    pub(crate) fn growing(every_s: u32) -> Self {
        Self { grows: true, ..Self::new(every_s) }
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

    /// Where the sealed block lies that begins at `start_s`.
    pub(crate) fn sealed_at(&self, start_s: i64) -> Option<BlockAt> {
        let number = (start_s - self.start_s()) / self.block_s();
        self.sealed.get(usize::try_from(number).ok()?).copied()
    }

    /// The same, to be changed.
    pub(crate) fn sealed_place(&mut self, start_s: i64) -> Option<&mut BlockAt> {
        let number = (start_s - self.start_s()) / self.block_s();
        self.sealed.get_mut(usize::try_from(number).ok()?)
    }

    /// Keeps a row at `time_s`, a multiple of update every.
    pub(crate) fn append<R: Bits + ?Sized>(&mut self, time_s: i64, row: &R, shelf: &mut Shelf<'_>) -> Kept {
        debug_assert_eq!(time_s.rem_euclid(self.every_s), 0);
        if self.stride != row.count() {
            self.settle(shelf);
            self.widen(row.count());
        }
        if self.is_empty() {
            self.open_at(time_s);
        }
        let mut place = (time_s - self.open_start_s).div_euclid(self.every_s);
        if place < self.open_rows as i64 {
            return if place >= 0 { self.fill(place as usize, row) } else { self.fill_late(time_s, row, shelf) };
        }
        if place - self.open_rows as i64 > shelf.rows(self.every_s) {
            self.hand_over(shelf);
            self.clear(shelf);
            self.open_at(time_s);
            tier::skip_to(self.open_start_s, shelf);
            place = (time_s - self.open_start_s).div_euclid(self.every_s);
        }
        while place >= OPEN_ROWS_MAX as i64 {
            self.seal(shelf);
            place -= ROWS as i64;
        }
        let place = place as usize;
        self.make_room(place + 1);
        for (cell, bits) in self.open[place * self.stride..].iter_mut().zip(row.each()) {
            *cell = bits;
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
    pub(crate) fn widen(&mut self, stride: usize) {
        let mut open = vec![EMPTY; stride * self.room(self.open_rows)];
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

    /// Rows that the open block has room for when it holds so many.
    fn room(&self, rows: usize) -> usize {
        if self.grows { rows.next_multiple_of(GROWTH_ROWS).min(OPEN_ROWS_MAX) } else { OPEN_ROWS_MAX }
    }

    fn make_room(&mut self, rows: usize) {
        let count = self.room(rows) * self.stride;
        if count > self.open.len() {
            self.open.reserve_exact(count - self.open.len());
            self.open.resize(count, EMPTY);
        }
    }

    /// Hands the open rows to the tiers, before they are forgotten.
    pub(crate) fn hand_over(&mut self, shelf: &mut Shelf<'_>) {
        if self.is_empty() {
            return;
        }
        self.settle(shelf);
        let rows = &self.open[..self.open_rows * self.stride];
        let part = Part { rows, stride: self.stride, start_s: self.open_start_s, every_s: self.every_s };
        tier::feed(&part, self.last_s() + self.every_s, shelf);
    }

    fn fill<R: Bits + ?Sized>(&mut self, place: usize, row: &R) -> Kept {
        if !fill_empty(&mut self.open[place * self.stride..], row, |_, _| ()) {
            return Kept::Ignored;
        }
        self.first_s = self.first_s.min(self.open_start_s + place as i64 * self.every_s);
        Kept::Filled
    }

    /// Fills a row's empty places in a sealed block, which is opened for it.
    fn fill_late<R: Bits + ?Sized>(&mut self, time_s: i64, row: &R, shelf: &mut Shelf<'_>) -> Kept {
        if time_s <= self.last_s() - shelf.rows(self.every_s) * self.every_s {
            return Kept::Ignored;
        }
        while time_s < self.start_s() {
            self.sealed.push_front(BlockAt::NONE);
        }
        let start_s = time_s.div_euclid(self.block_s()) * self.block_s();
        let place = ((time_s - start_s) / self.every_s) as usize;
        let known = self.late.iter().position(|late| late.start_s == start_s && late.stride == self.stride);
        let Some(known) = known.or_else(|| self.open_late(start_s, shelf)) else { return Kept::Refused };
        let late = &mut self.late[known];
        // Whether rows bring anything new to a block on the disk, the keeper will find out.
        let count = if late.is_whole && !shelf.tiers.is_empty() { late.stride } else { 0 };
        let mut news = vec![Summary::NONE; count];
        let filled = |dimension: usize, bits: u32| {
            if let Some(sum) = news.get_mut(dimension) {
                sum.add(Packed::from_bits(bits).unpack());
            }
        };
        if !fill_empty(&mut late.rows[place * late.stride..][..late.stride], row, filled) {
            return Kept::Ignored;
        }
        late.fills += 1;
        self.first_s = self.first_s.min(time_s);
        if count > 0 {
            tier::feed_late(time_s, &news, shelf);
        }
        Kept::Filled
    }

    /// Opens a sealed block, to be filled; `None` where that would be too many at once.
    fn open_late(&mut self, start_s: i64, shelf: &mut Shelf<'_>) -> Option<usize> {
        self.settle(shelf);
        let at = self.sealed_at(start_s)?;
        let is_whole = at.segment().is_none();
        if !shelf.repairs.allow(self.stride * ROWS, is_whole) {
            return None;
        }
        let mut rows = vec![EMPTY; self.stride * ROWS];
        if is_whole {
            decode(at, &mut rows, self.stride, shelf);
        }
        self.late.push(Late { start_s, stride: self.stride, rows, is_whole, fills: 0 });
        Some(self.late.len() - 1)
    }

    /// Seals the late block that is being filled, unless the rest of it lies on the disk.
    pub(crate) fn settle(&mut self, shelf: &mut Shelf<'_>) {
        let Some(late) = self.late.pop_if(|late| late.is_whole) else { return };
        if late.fills == 0 || self.sealed_at(late.start_s).is_none() {
            return;
        }
        shelf.scratch.clear();
        block::encode(shelf.scratch, &late.rows, late.stride);
        let after = shelf.keep(late.start_s);
        if let Some(at) = self.sealed_place(late.start_s) {
            shelf.slabs.release(std::mem::replace(at, after));
        }
    }

    /// Seals the open block's first 60 rows.
    fn seal(&mut self, shelf: &mut Shelf<'_>) {
        self.settle(shelf);
        let rows = self.open_rows.min(ROWS);
        let values = &self.open[..rows * self.stride];
        if values.iter().all(|&value| value == EMPTY) {
            self.sealed.push_back(BlockAt::NONE);
        } else {
            shelf.scratch.clear();
            block::encode(shelf.scratch, values, self.stride);
            self.sealed.push_back(shelf.keep(self.open_start_s));
        }
        let values = &self.open[..rows * self.stride];
        let part = Part { rows: values, stride: self.stride, start_s: self.open_start_s, every_s: self.every_s };
        tier::feed(&part, self.open_start_s + self.block_s(), shelf);
        let spare = self.open_rows - rows;
        self.open.copy_within(rows * self.stride..self.open_rows * self.stride, 0);
        self.open[spare * self.stride..self.open_rows * self.stride].fill(EMPTY);
        self.open_rows = spare;
        self.open_start_s += self.block_s();
        if self.grows {
            self.open.truncate(self.room(spare) * self.stride);
            self.open.shrink_to_fit();
        }
        self.trim(0, shelf);
    }

    /// Lets go of blocks that history no longer covers, but for `more` of them.
    fn trim(&mut self, more: usize, shelf: &mut Shelf<'_>) {
        let keep = (shelf.rows(self.every_s) as usize).div_ceil(ROWS) + more;
        while self.sealed.len() > keep {
            if let Some(block) = self.sealed.pop_front() {
                shelf.slabs.release(block);
            }
        }
        if let Some(floor_s) = shelf.budget.and_then(|(level, _)| shelf.slabs.budgets.floor_s(level)) {
            self.begin_at(floor_s, shelf.slabs);
        }
        let start_s = self.start_s();
        let repairs = &mut *shelf.repairs;
        self.late.retain(|late| late.start_s >= start_s || repairs.forget(late));
    }

    /// Forgets the rows after `time_s`, as after a clock that was set back. Only here a block is read
    /// from the disk under the host's lock.
    pub(crate) fn cut(&mut self, time_s: i64, shelf: &mut Shelf<'_>) {
        self.settle(shelf);
        while self.open_start_s > time_s
            && let Some(block) = self.sealed.pop_back()
        {
            self.make_room(ROWS);
            self.open.fill(EMPTY);
            decode(block, &mut self.open[..self.stride * ROWS], self.stride, shelf);
            shelf.slabs.release(block);
            self.open_rows = ROWS;
            self.open_start_s -= self.block_s();
        }
        let open_start_s = self.open_start_s;
        let repairs = &mut *shelf.repairs;
        self.late.retain(|late| late.start_s < open_start_s || repairs.forget(late));
        let keep = ((time_s - self.open_start_s).div_euclid(self.every_s) + 1).clamp(0, self.open_rows as i64) as usize;
        self.open[keep * self.stride..].fill(EMPTY);
        self.open_rows = keep;
    }

    /// Puts a block in its place among the sealed ones, as it comes from a disk: behind all others, or
    /// instead of an older one of the same seconds, which has fewer rows. `bytes` are its own, where it
    /// stays on the disk. Returns whether it fits.
    pub(crate) fn restore(
        &mut self,
        start_s: i64,
        bytes: &[u8],
        on_disk: Option<BlockAt>,
        shelf: &mut Shelf<'_>,
    ) -> bool {
        if start_s % self.block_s() != 0 || self.open_rows > 0 {
            return false;
        }
        if self.is_empty() {
            let Some(first) = first_row(bytes) else { return false };
            self.open_start_s = start_s;
            self.first_s = start_s + first as i64 * self.every_s;
        }
        let missing = (start_s - self.open_start_s).div_euclid(self.block_s());
        let history = shelf.rows(self.every_s) / ROWS as i64 + 2;
        if missing >= history {
            self.clear(shelf);
            return self.restore(start_s, bytes, on_disk, shelf);
        }
        if start_s < self.open_start_s - history * self.block_s() {
            return false;
        }
        while start_s < self.start_s() {
            self.sealed.push_front(BlockAt::NONE);
        }
        if start_s <= self.first_s
            && let Some(first) = first_row(bytes)
        {
            self.first_s = self.first_s.min(start_s + first as i64 * self.every_s);
        }
        while start_s >= self.open_start_s {
            self.sealed.push_back(BlockAt::NONE);
            self.open_start_s += self.block_s();
        }
        let at = on_disk.unwrap_or_else(|| shelf.slabs.push(bytes));
        shelf.count(start_s, bytes.len());
        if let Some(place) = self.sealed_place(start_s) {
            shelf.slabs.release(std::mem::replace(place, at));
        }
        // The last one or two were open, and will be so again.
        self.trim(2, shelf);
        true
    }

    /// Opens the last sealed block again, as far as it has rows: the next rows go there.
    pub(crate) fn reopen(&mut self, stride: usize, shelf: &mut Shelf<'_>) {
        let Some(block) = self.sealed.pop_back() else { return };
        self.widen(stride);
        self.make_room(ROWS);
        decode(block, &mut self.open[..stride * ROWS], stride, shelf);
        shelf.slabs.release(block);
        self.open_start_s -= self.block_s();
        let used = self.open.iter().rposition(|&value| value != EMPTY).map_or(0, |last| last / stride + 1);
        self.open_rows = used;
        self.trim(0, shelf);
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self, shelf: &mut Shelf<'_>) {
        self.release(shelf.slabs, shelf.repairs);
        self.open.fill(EMPTY);
        self.open_rows = 0;
    }

    /// Gives back what lies elsewhere, when the ring goes.
    pub(crate) fn release(&mut self, slabs: &mut Slabs, repairs: &mut Repairs) {
        for block in self.sealed.drain(..) {
            slabs.release(block);
        }
        for late in self.late.drain(..) {
            repairs.forget(&late);
        }
    }

    /// The newest row's values; none where it has no open row.
    pub(crate) fn newest(&self) -> &[u32] {
        let newest = self.open_rows.saturating_sub(1) * self.stride;
        &self.open[newest..self.open_rows * self.stride]
    }

    /// Bytes that the ring takes beside its blocks.
    pub(crate) fn bytes(&self) -> usize {
        let late = self.late.iter().map(|late| late.rows.capacity() * 4).sum::<usize>();
        self.open.capacity() * 4 + self.sealed.capacity() * size_of::<BlockAt>() + late
    }
}

/// Puts values where there are none, and tells each; returns whether there were such places.
fn fill_empty<R: Bits + ?Sized>(cells: &mut [u32], row: &R, mut filled: impl FnMut(usize, u32)) -> bool {
    let mut is_filled = false;
    for (place, (cell, bits)) in cells.iter_mut().zip(row.each()).enumerate() {
        if *cell == EMPTY && bits != EMPTY {
            *cell = bits;
            filled(place, bits);
            is_filled = true;
        }
    }
    is_filled
}

/// The first row of a block that has a value; `None` where it has none, or is damaged.
fn first_row(bytes: &[u8]) -> Option<usize> {
    let mut reader = block::Reader::new(bytes).ok()?;
    let mut column = [EMPTY; ROWS];
    let mut first = None;
    while reader.next(Some(&mut column)).ok()? {
        let of_column = column.iter().position(|&value| value != EMPTY);
        first = [first, of_column].into_iter().flatten().min();
    }
    first
}

/// Decodes a sealed block to rows of `stride` values; places that it does not have stay as they are.
pub(crate) fn decode(at: BlockAt, rows: &mut [u32], stride: usize, shelf: &mut Shelf<'_>) {
    shelf.scratch.clear();
    let bytes = shelf.slabs.fetch(at, shelf.scratch);
    if let Some(bytes) = bytes.get(shelf.scratch) {
        decode_rows(bytes, rows, stride);
    }
}

/// Decodes a block's bytes to rows of `stride` values, as far as they are sound.
pub(crate) fn decode_rows(bytes: &[u8], rows: &mut [u32], stride: usize) {
    let Ok(mut reader) = block::Reader::new(bytes) else { return };
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
