//! Blocks on their way to a segment: copied under the host's lock, written outside it, and then taken
//! out of memory under the lock again.

use row::ChartSlot;

use super::on_disk::OnDisk;
use super::records::Records;
use crate::block::{self, ROWS};
use crate::chart::Chart;
use crate::host::HostState;
use crate::late::Late;
use crate::ring::decode_rows;
use crate::slab::BlockAt;

/// Blocks that were copied.
#[derive(Debug, Default)]
pub(super) struct Batch {
    blocks: Vec<Block>,
    bytes: Vec<u8>,
}

/// One of them.
#[derive(Debug)]
struct Block {
    slot: ChartSlot,
    number: u32,
    start_s: i64,
    /// Where it lies, or the block that it takes the place of.
    at: BlockAt,
    /// Late rows in it: how many there were.
    fills: Option<u32>,
    /// Its bytes end here.
    end: usize,
    /// Where its record begins, in what is written.
    offset: usize,
}

/// Late rows, and where the block lies that they belong to.
#[derive(Debug)]
pub(super) struct LateRows {
    slot: ChartSlot,
    number: u32,
    at: BlockAt,
    late: Late,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Copies a block of a chart out of memory, if it is still where it was; `at` is `None` for any.
    pub(super) fn copy(&mut self, state: &HostState, slot: ChartSlot, start_s: i64, at: BlockAt) {
        let Some(chart) = state.charts.get(slot.0 as usize) else { return };
        if !at.is_in_memory() || chart.ring.sealed_at(start_s) != Some(at) {
            return;
        }
        let mut copied = Vec::new();
        let bytes = state.slabs.read(at, &mut copied);
        let Some(bytes) = bytes.get(&copied) else { return };
        self.bytes.extend_from_slice(&bytes[..block::length(bytes)]);
        self.push(slot, chart.number, start_s, at, None);
    }

    /// Copies all of a host's blocks that are in memory.
    pub(super) fn copy_all(&mut self, state: &HostState) {
        for (slot, chart) in (0..).zip(&state.charts) {
            for (block, &at) in (0..).zip(&chart.ring.sealed) {
                self.copy(state, ChartSlot(slot), chart.ring.start_s() + block * chart.ring.block_s(), at);
            }
        }
    }

    /// Adds blocks of segments that are about to go.
    pub(super) fn move_from(&mut self, moved: Vec<(ChartSlot, u32, i64, BlockAt)>, folder: &OnDisk) {
        let mut disk = folder.blocks();
        for (slot, number, start_s, at) in moved {
            if let Some((segment, offset)) = at.segment()
                && disk.read(segment, offset, &mut self.bytes).is_some()
            {
                self.push(slot, number, start_s, at, None);
            }
        }
    }

    /// Adds blocks of the disk together with the rows that came late for them.
    pub(super) fn merge(&mut self, waiting: Vec<LateRows>, folder: &OnDisk) {
        let mut disk = folder.blocks();
        for LateRows { slot, number, at, late } in waiting {
            let mut before = Vec::new();
            if let Some((segment, offset)) = at.segment() {
                // One that cannot be read any more was told when it was written, or will be at a start.
                disk.read(segment, offset, &mut before);
            }
            let mut rows = vec![row::Packed::EMPTY.to_bits(); late.stride * ROWS];
            decode_rows(&before, &mut rows, late.stride);
            for (value, &late) in rows.iter_mut().zip(&late.rows) {
                if *value == row::Packed::EMPTY.to_bits() {
                    *value = late;
                }
            }
            block::encode(&mut self.bytes, &rows, late.stride);
            self.push(slot, number, late.start_s, at, Some(late.fills));
        }
    }

    fn push(&mut self, slot: ChartSlot, number: u32, start_s: i64, at: BlockAt, fills: Option<u32>) {
        self.blocks.push(Block { slot, number, start_s, at, fills, end: self.bytes.len(), offset: 0 });
    }

    /// Adds them to what is to be written.
    pub(super) fn write(&mut self, records: &mut Records) {
        let mut start = 0;
        for block in &mut self.blocks {
            block.offset = records.length();
            records.block(block.number, block.start_s, &self.bytes[start..block.end]);
            start = block.end;
        }
    }

    /// They were written to a segment, from `offset` on: memory lets go of them.
    pub(super) fn settle(self, state: &mut HostState, segment: u64, offset: u64) {
        let HostState { charts, slabs, repairs, ring_bytes, .. } = state;
        for block in self.blocks {
            let Some(chart) = charts.get_mut(block.slot.0 as usize).filter(|chart| chart.number == block.number) else {
                continue;
            };
            let Some(after) = BlockAt::on_disk(segment, offset + block.offset as u64) else { continue };
            let Some(place) = chart.ring.sealed_place(block.start_s).filter(|place| **place == block.at) else {
                continue;
            };
            slabs.release(std::mem::replace(place, after));
            if let Some(fills) = block.fills {
                let is_done = |late: &Late| late.start_s == block.start_s && late.fills == fills;
                *ring_bytes -= chart.ring.bytes();
                chart.ring.late.retain(|late| !is_done(late) || repairs.forget(late));
                *ring_bytes += chart.ring.bytes();
            }
        }
    }
}

/// The late rows of all charts whose blocks lie on the disk.
pub(super) fn late_rows(state: &HostState) -> Vec<LateRows> {
    let of_chart = |(slot, chart): (u32, &Chart)| {
        let waiting = chart.ring.late.iter().filter(|late| !late.is_whole);
        let number = chart.number;
        let rows = waiting.filter_map(move |late| {
            let at = chart.ring.sealed_at(late.start_s)?;
            Some(LateRows { slot: ChartSlot(slot), number, at, late: late.clone() })
        });
        rows.collect::<Vec<_>>()
    };
    (0..).zip(&state.charts).flat_map(of_chart).collect()
}
