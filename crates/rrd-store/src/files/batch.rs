//! Blocks on their way to a segment: copied under the host's lock, written outside it, and then taken
//! out of memory under the lock again.

use row::ChartSlot;

use super::on_disk::OnDisk;
use super::records::Records;
use crate::block::{self, ROWS};
use crate::chart::Chart;
use crate::host::{Host, HostState};
use crate::late::Late;
use crate::ring::decode_rows;
use crate::slab::BlockAt;
use crate::tier::{CELLS, Delta};

const EMPTY: u32 = row::Packed::EMPTY.to_bits();

/// Blocks of one level that were copied.
#[derive(Debug)]
pub(super) struct Batch {
    /// 0 are the rows as they were stored, the others those of tiers.
    pub(super) level: usize,
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
    /// What came late is in it: how many rows there were, or 0 where it is of a tier.
    fills: Option<u32>,
    /// Of late rows, those that the block did not have: 60 rows, for the tiers.
    filled: Vec<u32>,
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

/// What came late for rows of a tier, and where the block lies that they are in.
#[derive(Debug)]
pub(super) struct LateSums {
    slot: ChartSlot,
    number: u32,
    at: BlockAt,
    start_s: i64,
    step_s: i64,
    stride: usize,
    deltas: Vec<Delta>,
}

impl Batch {
    /// None yet.
    pub(super) fn of(level: usize) -> Self {
        Self { level, blocks: Vec::new(), bytes: Vec::new() }
    }

    /// Copies all of a host's blocks of a level that are in memory.
    pub(super) fn all_of(state: &HostState, level: usize) -> Self {
        let mut batch = Self::of(level);
        let rings = (0..).zip(&state.charts).filter_map(|(slot, chart)| Some((slot, chart.ring_of(level)?)));
        for (slot, ring) in rings {
            for (block, &at) in (0..).zip(&ring.sealed) {
                batch.copy(state, ChartSlot(slot), ring.start_s() + block * ring.block_s(), at);
            }
        }
        batch
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Copies a block of a chart out of memory, if it is still where it was; `at` is `None` for any.
    pub(super) fn copy(&mut self, state: &HostState, slot: ChartSlot, start_s: i64, at: BlockAt) {
        let Some(chart) = state.charts.get(slot.0 as usize) else { return };
        let found = chart.ring_of(self.level).and_then(|ring| ring.sealed_at(start_s));
        if !at.is_in_memory() || found != Some(at) {
            return;
        }
        let mut copied = Vec::new();
        let bytes = state.slabs.read(at, &mut copied);
        let Some(bytes) = bytes.get(&copied) else { return };
        self.bytes.extend_from_slice(&bytes[..block::length(bytes)]);
        self.push(slot, chart.number, start_s, at, None);
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

    /// Adds blocks of the disk together with the rows that came late for them. `tells`: it is told which
    /// of them are new.
    pub(super) fn merge(&mut self, waiting: Vec<LateRows>, folder: &OnDisk, tells: bool) {
        let mut disk = folder.blocks();
        for LateRows { slot, number, at, late } in waiting {
            let mut before = Vec::new();
            if let Some((segment, offset)) = at.segment() {
                // One that cannot be read any more was told when it was written, or will be at a start.
                disk.read(segment, offset, &mut before);
            }
            let mut rows = vec![EMPTY; late.stride * ROWS];
            decode_rows(&before, &mut rows, late.stride);
            let mut filled = late.rows;
            for (value, late) in rows.iter_mut().zip(&mut filled) {
                match *value {
                    EMPTY => *value = *late,
                    _ => *late = EMPTY,
                }
            }
            block::encode(&mut self.bytes, &rows, late.stride);
            self.push(slot, number, late.start_s, at, Some(late.fills));
            if tells && let Some(block) = self.blocks.last_mut() {
                block.filled = filled;
            }
        }
    }

    /// Adds blocks of a tier together with what came late for their rows.
    pub(super) fn merge_sums(&mut self, waiting: Vec<LateSums>, folder: &OnDisk) {
        let mut disk = folder.blocks();
        for LateSums { slot, number, at, start_s, step_s, stride, deltas } in waiting {
            let mut before = Vec::new();
            if let Some((segment, offset)) = at.segment() {
                disk.read(segment, offset, &mut before);
            }
            let mut rows = vec![EMPTY; stride * ROWS];
            decode_rows(&before, &mut rows, stride);
            deltas.iter().for_each(|delta| delta.merge_into(&mut rows, stride, start_s, step_s));
            block::encode(&mut self.bytes, &rows, stride);
            self.push(slot, number, start_s, at, Some(0));
        }
    }

    fn push(&mut self, slot: ChartSlot, number: u32, start_s: i64, at: BlockAt, fills: Option<u32>) {
        self.blocks.push(Block {
            slot,
            number,
            start_s,
            at,
            fills,
            filled: Vec::new(),
            end: self.bytes.len(),
            offset: 0,
        });
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
    pub(super) fn settle(self, host: &Host, segment: u64, offset: u64) {
        let mut state = host.lock();
        let mut start = 0;
        for block in self.blocks {
            let bytes = block.end - std::mem::replace(&mut start, block.end);
            if block.fills.is_some()
                && let Some(limit) = limit(host, self.level)
            {
                // Of the block that it takes the place of the bytes stay in their segment, too.
                state.slabs.budgets.add(self.level, limit, block.start_s, bytes);
            }
            let Some(after) = BlockAt::on_disk(segment, offset + block.offset as u64) else { continue };
            if block.settle(&mut state, self.level, after) && !block.filled.is_empty() {
                let stride = block.filled.len() / ROWS;
                state.feed_late(host, block.slot, block.start_s, &block.filled, stride);
            }
        }
    }
}

/// Bytes that a level's blocks may take.
fn limit(host: &Host, level: usize) -> Option<u64> {
    host.tiers().get(level.checked_sub(1)?)?.bytes
}

impl Block {
    /// It lies elsewhere now; returns whether it is still what the chart has there.
    fn settle(&self, state: &mut HostState, level: usize, after: BlockAt) -> bool {
        let HostState { charts, slabs, repairs, .. } = state;
        let Some(chart) = charts.get_mut(self.slot.0 as usize).filter(|chart| chart.number == self.number) else {
            return false;
        };
        let Some(ring) = chart.ring_of_mut(level) else { return false };
        let Some(place) = ring.sealed_place(self.start_s).filter(|place| **place == self.at) else { return false };
        slabs.release(std::mem::replace(place, after));
        if let Some(fills) = self.fills {
            let is_done = |late: &Late| late.start_s == self.start_s && late.fills == fills;
            ring.late.retain(|late| !is_done(late) || repairs.forget(late));
        }
        if self.fills.is_some()
            && let Some(tier) = chart.tiers.iter_mut().find(|tier| tier.level == level)
        {
            let of_block = self.start_s..self.start_s + tier.ring.block_s();
            tier.late.retain(|delta| !(delta.in_flight && of_block.contains(&delta.period_s)));
        }
        true
    }
}

/// What came late for a tier of all charts, for blocks on the disk. What comes from now on waits apart.
pub(super) fn late_sums(state: &mut HostState, level: usize) -> Vec<LateSums> {
    let mut waiting: Vec<LateSums> = Vec::new();
    for (slot, chart) in (0..).zip(&mut state.charts) {
        let number = chart.number;
        let Some(tier) = chart.tiers.iter_mut().find(|tier| tier.level == level && !tier.late.is_empty()) else {
            continue;
        };
        tier.late.sort_by_key(|delta| delta.period_s);
        let (step_s, block_s) = (tier.ring.every_s, tier.ring.block_s());
        for delta in &mut tier.late {
            let start_s = delta.period_s.div_euclid(block_s) * block_s;
            let Some(at) = tier.ring.sealed_at(start_s).filter(|at| at.segment().is_some()) else { continue };
            delta.in_flight = true;
            let stride = tier.ring.stride.max(delta.sums.len() * CELLS);
            match waiting.last_mut().filter(|last| last.slot == ChartSlot(slot) && last.start_s == start_s) {
                Some(last) => {
                    last.stride = last.stride.max(stride);
                    last.deltas.push(delta.clone());
                }
                None => {
                    let (slot, deltas) = (ChartSlot(slot), vec![delta.clone()]);
                    waiting.push(LateSums { slot, number, at, start_s, step_s, stride, deltas });
                }
            }
        }
    }
    waiting
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
