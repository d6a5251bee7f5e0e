//! The desk: where what is copied from under a host's lock is worked on.

use std::ops::Range;

use super::CHARTS_AT_ONCE;
use crate::block::{self, Column, ROWS};
use crate::files::{Blocks, OnDisk};
use crate::late::Late;
use crate::query::sources::Part;
use crate::query::window::Window;
use crate::ring::Ring;
use crate::slab::{BlockAt, BlockBytes, Slabs};

/// Blocks that are taken under one hold of a host's lock at most, but for those of one chart.
const BLOCKS_AT_ONCE: usize = 256;
/// Numbers of open rows, likewise: 256 KiB.
const OPEN_AT_ONCE: usize = 64 * 1024;
/// The desk keeps so much room when its work is done, in numbers and in bytes.
const ROOM_MAX: usize = 2 * OPEN_AT_ONCE;
const EMPTY: u32 = row::Packed::EMPTY.to_bits();

/// Space to answer standing queries in. One suffices for all hosts.
#[derive(Debug, Default)]
pub struct Desk {
    /// What is being looked at, chart after chart.
    pub(super) charts: Vec<Taken>,
    /// Of the questions that are due, in their order.
    pub(super) windows: Vec<Wanted>,
    /// Open rows, of each chart dimension after dimension.
    pub(super) open: Vec<u32>,
    pub(super) blocks: Vec<Needed>,
    /// Columns of blocks that lie partly in a window.
    pub(super) decoded: Vec<u32>,
    pub(super) values: Vec<f64>,
    pub(super) parts: Vec<Part>,
    copied: Vec<u8>,
    read: Vec<u8>,
    /// Where the blocks lie that are not in memory.
    pub(super) on_disk: Option<OnDisk>,
    /// The chart that is worked on.
    pub(super) next: usize,
}

/// What a chart is to be asked now.
#[derive(Debug, Default, Clone)]
pub(super) struct Taken {
    pub(super) windows: Range<usize>,
    pub(super) blocks: Range<usize>,
    /// Where its open rows begin on the desk, the second of the first one, and how many there are.
    pub(super) open: usize,
    pub(super) open_s: i64,
    pub(super) open_rows: usize,
    /// The second where the open rows' second run begins.
    pub(super) spare_s: i64,
}

/// The window of a question that is due.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Nothing,
    Plain,
    /// Rows, of which these whole blocks are remembered.
    Rows(Window, Range<i64>),
}

/// A block to be decoded.
#[derive(Debug)]
pub(super) struct Needed {
    /// How many blocks there were before it since 1970.
    pub(super) number: i64,
    at: BlockAt,
    bytes: BlockBytes,
    late: Vec<Late>,
    /// What it comes to is remembered.
    pub(super) is_whole: bool,
    /// It lies partly in a window; then where its columns are on the desk.
    pub(super) is_part: bool,
    pub(super) columns: usize,
}

impl Desk {
    pub(super) fn clear(&mut self) {
        self.charts.clear();
        self.windows.clear();
        self.open.clear();
        self.blocks.clear();
        self.copied.clear();
        self.open.shrink_to(ROOM_MAX);
        self.copied.shrink_to(ROOM_MAX);
        self.decoded.shrink_to(ROOM_MAX);
        self.on_disk = None;
        self.next = 0;
    }

    /// The lock is to be given back before more is taken.
    pub(super) fn is_full(&self) -> bool {
        self.charts.len() >= CHARTS_AT_ONCE
            || self.blocks.len() >= BLOCKS_AT_ONCE
            || self.open.len() >= OPEN_AT_ONCE
            || self.copied.len() >= 4 * OPEN_AT_ONCE
    }

    /// Takes a sealed block, for the chart whose blocks begin at `first` on the desk.
    pub(super) fn need(&mut self, first: usize, number: i64, is_whole: bool, ring: &Ring, slabs: &Slabs) {
        let known = self.blocks[first..].iter_mut().find(|needed| needed.number == number);
        if let Some(known) = known {
            known.is_whole |= is_whole;
            known.is_part |= !is_whole;
            return;
        }
        let start_s = number * ring.block_s();
        let at = ring.sealed_at(start_s).unwrap_or(BlockAt::NONE);
        if at.segment().is_some() && self.on_disk.is_none() {
            self.on_disk.clone_from(&slabs.on_disk);
        }
        self.blocks.push(Needed {
            number,
            at,
            bytes: slabs.read(at, &mut self.copied),
            late: ring.late.iter().filter(|late| late.start_s == start_s).cloned().collect(),
            is_whole,
            is_part: !is_whole,
            columns: 0,
        });
    }

    /// Copies open rows from `from_s` to `to_s`, dimension after dimension.
    pub(super) fn copy_open(&mut self, taken: &mut Taken, ring: &Ring, columns: &[u32], (from_s, to_s): (i64, i64)) {
        let from_s = from_s.max(ring.open_start_s);
        let place = |time_s: i64| ((time_s - ring.open_start_s).div_euclid(ring.every_s)) as usize;
        let end_s = to_s.min(ring.last_s());
        taken.open = self.open.len();
        taken.open_s = from_s;
        taken.spare_s = ring.open_start_s + ring.block_s();
        taken.open_rows = if end_s < from_s { 0 } else { place(end_s) + 1 - place(from_s) };
        if taken.open_rows == 0 {
            return;
        }
        let rows = &ring.open[place(from_s) * ring.stride..][..taken.open_rows * ring.stride];
        for &column in columns {
            if (column as usize) < ring.stride {
                self.open.extend(rows[column as usize..].iter().step_by(ring.stride));
            } else {
                self.open.extend(std::iter::repeat_n(EMPTY, taken.open_rows));
            }
        }
    }

    /// Decodes a block: calls `f` with each column that is wanted. Returns where the block lies; nowhere,
    /// if what it comes to is not to be remembered.
    pub(super) fn decode(
        &mut self,
        block: usize,
        wanted: &[u32],
        disk: Option<&mut Blocks<'_>>,
        mut f: impl FnMut(usize, &Column),
    ) -> BlockAt {
        let Self { blocks, decoded, copied, read, .. } = self;
        let needed = &mut blocks[block];
        needed.columns = decoded.len();
        let bytes = match &needed.bytes {
            BlockBytes::OnDisk(segment, offset) => {
                read.clear();
                disk.and_then(|disk| disk.read(*segment, *offset, read)).map(|()| &read[..])
            }
            bytes => bytes.get(copied),
        };
        let is_read = bytes.is_some() || matches!(needed.bytes, BlockBytes::None);
        let mut reader = bytes.and_then(|bytes| block::Reader::new(bytes).ok());
        let (mut column, mut dimension) = ([EMPTY; ROWS], 0);
        for (place, &next) in wanted.iter().enumerate() {
            while dimension < next && reader.as_mut().is_some_and(|reader| reader.next(None) == Ok(true)) {
                dimension += 1;
            }
            let is_there =
                dimension == next && reader.as_mut().is_some_and(|reader| reader.next(Some(&mut column)) == Ok(true));
            if !is_there {
                reader = None;
                column.fill(EMPTY);
            }
            dimension = next + 1;
            needed.late.iter().for_each(|late| late.overlay(next as usize, &mut column));
            if needed.is_part {
                decoded.extend_from_slice(&column);
            }
            f(place, &column);
        }
        if is_read && needed.late.is_empty() { needed.at } else { BlockAt::NOWHERE }
    }

    /// The rows of a decoded column in a window, whose seconds are given.
    pub(super) fn part(&self, needed: &Needed, place: usize, every_s: i64, (from_s, to_s): (i64, i64)) -> &[u32] {
        let column = &self.decoded[needed.columns + place * ROWS..][..ROWS];
        part(column, needed.number * every_s * ROWS as i64, every_s, (from_s, to_s))
    }
}

/// The rows of a column from one second to another, both included.
pub(super) fn part(column: &[u32], start_s: i64, every_s: i64, (from_s, to_s): (i64, i64)) -> &[u32] {
    let count = column.len() as i64;
    let begin = (from_s - start_s).div_euclid(every_s).clamp(0, count);
    let end = ((to_s - start_s).div_euclid(every_s) + 1).clamp(begin, count);
    &column[begin as usize..end as usize]
}
