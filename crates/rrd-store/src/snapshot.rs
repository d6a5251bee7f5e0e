//! A chart's rows, taken under the host's lock and decoded outside it.

use row::Packed;

use crate::block::{self, Column, ROWS};
use crate::files::{Blocks, OnDisk};
use crate::late::Late;
use crate::ring::Ring;
use crate::slab::{BlockBytes, Slabs};

const EMPTY: u32 = Packed::EMPTY.to_bits();

/// The rows of a chart in some window: sealed blocks shared, open rows copied. Blocks on the disk are
/// read when they are decoded.
#[derive(Debug)]
pub struct Snapshot {
    every_s: i64,
    dimensions: usize,
    after_s: i64,
    before_s: i64,
    /// The second of the first row of the first block.
    blocks_start_s: i64,
    blocks: Vec<BlockBytes>,
    copied: Vec<u8>,
    /// Late rows, with the number of their block.
    late: Vec<(usize, Late)>,
    on_disk: Option<OnDisk>,
    /// Numbers of blocks whose columns are shown even where there are none.
    shown: Vec<usize>,
    open_start_s: i64,
    open: Vec<u32>,
}

/// Successive values of one dimension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    /// The dimension's place among those that are wanted.
    pub(crate) place: usize,
    /// The second of the first value.
    pub(crate) start_s: i64,
    /// Packed numbers, each `every_s` after the one before.
    pub(crate) bits: &'a [u32],
}

impl Snapshot {
    pub(crate) fn take(ring: &Ring, slabs: &Slabs, after_s: i64, before_s: i64) -> Self {
        let block_s = ring.every_s * ROWS as i64;
        let start_s = ring.start_s();
        let count = ring.sealed.len() as i64;
        let first = (after_s.saturating_sub(start_s).saturating_add(ring.every_s) / block_s).clamp(0, count);
        let end = (before_s.saturating_sub(start_s).div_euclid(block_s).saturating_add(1)).clamp(first, count);
        let mut copied = Vec::new();
        let blocks =
            (first..end).map(|number| slabs.read(ring.sealed[number as usize], &mut copied)).collect::<Vec<_>>();
        let blocks_start_s = start_s + first * block_s;
        let number = |late: &Late| usize::try_from((late.start_s - blocks_start_s).div_euclid(block_s)).ok();
        let late = ring.late.iter().filter_map(|late| Some((number(late)?, late)));
        let late = late.filter(|(number, _)| *number < blocks.len()).map(|(number, late)| (number, late.clone()));
        let open_rows = if before_s >= ring.open_start_s { ring.open_rows } else { 0 };
        Self {
            every_s: ring.every_s,
            dimensions: ring.stride,
            after_s,
            before_s,
            blocks_start_s,
            late: late.collect(),
            on_disk: slabs.on_disk.clone(),
            shown: Vec::new(),
            blocks,
            copied,
            open_start_s: ring.open_start_s,
            open: ring.open[..open_rows * ring.stride].to_vec(),
        }
    }

    /// All columns of the blocks that begin at these seconds are to be shown, even those that they do not
    /// have.
    pub(crate) fn show_all(&mut self, starts_s: impl Iterator<Item = i64>) {
        let block_s = self.every_s * ROWS as i64;
        let number = |start_s: i64| usize::try_from((start_s - self.blocks_start_s).div_euclid(block_s)).ok();
        self.shown = starts_s.filter_map(number).collect();
    }

    /// The newest second that the snapshot may hold a row of: nothing after it was there.
    #[must_use]
    pub fn end_s(&self) -> i64 {
        if self.dimensions == 0 {
            return self.open_start_s;
        }
        self.open_start_s + (self.open.len() / self.dimensions) as i64 * self.every_s - self.every_s
    }

    /// Calls `f` for each row of the window that has a value, oldest first, with its second.
    pub fn rows(&self, mut f: impl FnMut(i64, &[Packed])) {
        if self.dimensions == 0 {
            return;
        }
        let mut row = vec![Packed::EMPTY; self.dimensions];
        let mut show = |time_s: i64, values: &mut dyn Iterator<Item = u32>| {
            if time_s <= self.after_s || time_s > self.before_s {
                return;
            }
            row.iter_mut().zip(values).for_each(|(place, bits)| *place = Packed::from_bits(bits));
            if row.iter().any(|value| !value.is_empty()) {
                f(time_s, &row);
            }
        };
        let mut rows = vec![EMPTY; self.dimensions * ROWS];
        let mut fetched = Fetched::new(self);
        let all: Vec<u32> = (0..self.dimensions as u32).collect();
        for number in 0..self.blocks.len() {
            rows.fill(EMPTY);
            self.columns(number, &all, &mut fetched, |dimension, column| {
                for (row, value) in rows.chunks_exact_mut(self.dimensions).zip(column) {
                    row[dimension] = *value;
                }
            });
            let start_s = self.blocks_start_s + (number * ROWS) as i64 * self.every_s;
            for (place, row) in rows.chunks_exact(self.dimensions).enumerate() {
                show(start_s + place as i64 * self.every_s, &mut row.iter().copied());
            }
        }
        for (place, row) in self.open.chunks_exact(self.dimensions).enumerate() {
            show(self.open_start_s + place as i64 * self.every_s, &mut row.iter().copied());
        }
    }

    /// Calls `f` for each place of the window that may have a value, with the number of its dimension; of each dimension
    /// the older before the newer.
    pub fn values(&self, mut f: impl FnMut(usize, Packed)) {
        let all: Vec<u32> = (0..self.dimensions as u32).collect();
        self.runs(&all, |run| {
            let rows_to = |time_s: i64| {
                let rows = time_s.saturating_sub(run.start_s).div_euclid(self.every_s).saturating_add(1);
                rows.clamp(0, run.bits.len() as i64) as usize
            };
            let (begin, end) = (rows_to(self.after_s), rows_to(self.before_s));
            let bits = run.bits.get(begin..end).unwrap_or_default();
            bits.iter().for_each(|&bits| f(run.place, Packed::from_bits(bits)));
        });
    }

    /// Calls `f` with the runs of values of the dimensions `wanted`, which are numbered in rising
    /// order: of each dimension the older run before the newer one, a block's dimensions one after
    /// another. Blocks without any value are passed over, and so are those that are damaged.
    pub(crate) fn runs(&self, wanted: &[u32], mut f: impl FnMut(Run<'_>)) {
        let block_s = self.every_s * ROWS as i64;
        let mut fetched = Fetched::new(self);
        for number in 0..self.blocks.len() {
            let start_s = self.blocks_start_s + number as i64 * block_s;
            self.columns(number, wanted, &mut fetched, |place, column| f(Run { place, start_s, bits: column }));
        }
        let mut column = [EMPTY; ROWS];
        for (number, rows) in self.open.chunks(self.dimensions.max(1) * ROWS).enumerate() {
            let start_s = self.open_start_s + number as i64 * block_s;
            for (place, &dimension) in wanted.iter().enumerate() {
                let dimension = dimension as usize;
                if dimension >= self.dimensions {
                    break;
                }
                let values = rows[dimension..].iter().step_by(self.dimensions);
                let count = values.len();
                column.iter_mut().zip(values).for_each(|(place, &bits)| *place = bits);
                f(Run { place, start_s, bits: &column[..count] });
            }
        }
    }

    /// How many rows there may be.
    pub(crate) fn rows_max(&self) -> usize {
        self.blocks.len() * ROWS + self.open.len() / self.dimensions.max(1)
    }

    /// Calls `f` with the columns of a block's dimensions `wanted`, in rising order, and their places
    /// there; with none that the block does not have.
    fn columns(&self, number: usize, wanted: &[u32], fetched: &mut Fetched<'_>, mut f: impl FnMut(usize, &Column)) {
        let late = || self.late.iter().filter(|(of, _)| *of == number).map(|(_, late)| late);
        let has_late = late().next().is_some() || self.shown.contains(&number);
        let mut reader = fetched.reader(number);
        let mut column = [EMPTY; ROWS];
        let mut dimension = 0;
        for (place, &next) in wanted.iter().enumerate() {
            while dimension < next && reader.as_mut().is_some_and(|reader| reader.next(None) == Ok(true)) {
                dimension += 1;
            }
            let is_there =
                dimension == next && reader.as_mut().is_some_and(|reader| reader.next(Some(&mut column)) == Ok(true));
            if !is_there {
                if !has_late {
                    return;
                }
                reader = None;
                column.fill(EMPTY);
            }
            dimension += 1;
            late().for_each(|late| late.overlay(next as usize, &mut column));
            f(place, &column);
        }
    }
}

/// The bytes of a snapshot's blocks, wherever they are.
struct Fetched<'a> {
    snapshot: &'a Snapshot,
    disk: Option<Blocks<'a>>,
    read: Vec<u8>,
}

impl<'a> Fetched<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, disk: snapshot.on_disk.as_ref().map(OnDisk::blocks), read: Vec::new() }
    }

    fn reader(&mut self, number: usize) -> Option<block::Reader<'_>> {
        let bytes = match &self.snapshot.blocks[number] {
            BlockBytes::OnDisk(segment, offset) => {
                self.read.clear();
                self.disk.as_mut()?.read(*segment, *offset, &mut self.read)?;
                &self.read
            }
            bytes => bytes.get(&self.snapshot.copied)?,
        };
        block::Reader::new(bytes).ok()
    }
}
