//! What comes from a disk: a host's charts, blocks and rows are put to their places, and shown to nobody.

use std::sync::Arc;

use row::{ChartSlot, DimensionDefinition, Packed, US_PER_S};

use super::{TIME_S_MAX, Writer, shelf};
use crate::chart::DimensionTexts;
use crate::collection::Dimension;
use crate::files::OnDisk;
use crate::host::HostState;
use crate::slab::BlockAt;
use crate::tier::{self, CELLS};

impl Writer<'_> {
    /// Lays a chart's dimensions out as they were when files were written: blocks have values by index.
    /// One without an id is an index that is free. Returns whether they are so now: a chart that has
    /// rows keeps its own.
    pub(crate) fn restore_dimensions(&mut self, slot: ChartSlot, definitions: &[DimensionDefinition<'_>]) -> bool {
        let HostState { charts, dimensions, slots, .. } = &mut *self.state;
        let Some(chart) = charts.get_mut(slot.0 as usize) else { return false };
        if chart.ring.is_empty() {
            *dimensions -= chart.dimensions.iter().filter(|dimension| !dimension.is_vacant()).count();
            (chart.dimensions, chart.texts.dimensions) = (Vec::new(), Vec::new());
            chart.texts.life.leaving = Vec::new();
            chart.texts.life.laid_out = slots.birth();
        }
        for (index, definition) in definitions.iter().enumerate() {
            let chart = &mut self.state.charts[slot.0 as usize];
            if chart.texts.dimensions.get(index).is_some_and(|known| &*known.id == definition.id) {
                continue;
            }
            let is_elsewhere = || chart.texts.dimensions.iter().any(|known| &*known.id == definition.id);
            if index < chart.dimensions.len() || (!definition.id.is_empty() && is_elsewhere()) {
                return false;
            }
            if definition.id.is_empty() {
                chart.dimensions.push(Dimension::vacant());
                chart.texts.dimensions.push(DimensionTexts { id: Arc::default(), name: Arc::default() });
            } else if self.add_dimension(slot, index, definition).is_err() {
                return false;
            }
        }
        true
    }

    /// Blocks that come from a disk may stay there.
    pub(crate) fn keep_on_disk(&mut self, folder: OnDisk) {
        self.state.slabs.on_disk = Some(folder);
    }

    /// The level of files whose rows sum up so many seconds; `None` for a tier that is not kept.
    pub(crate) fn level_of(&self, step_s: u32) -> Option<usize> {
        let tiers = self.host.tiers();
        if step_s == 0 { Some(0) } else { Some(tiers.iter().position(|tier| tier.step_s == step_s)? + 1) }
    }

    /// A chart has this number in the files of its host.
    pub(crate) fn number_chart(&mut self, slot: ChartSlot, number: u32) {
        if let Some(chart) = self.state.charts.get_mut(slot.0 as usize) {
            chart.number = number;
            self.skip_number(number);
        }
    }

    /// Files of the host know this number: it is not given again.
    pub(crate) fn skip_number(&mut self, number: u32) {
        self.state.next_number = self.state.next_number.max(number.wrapping_add(1));
    }

    /// Puts a block that comes from a disk to the chart's rows; `at` says where it stays, unless it
    /// comes to memory. Returns whether it fits.
    pub(crate) fn restore_block(
        &mut self,
        (slot, level): (ChartSlot, usize),
        start_s: i64,
        bytes: &[u8],
        at: Option<BlockAt>,
    ) -> bool {
        let HostState { charts, slabs, repairs, scratch, .. } = &mut *self.state;
        let Some(chart) = charts.get_mut(slot.0 as usize) else { return false };
        let Some(ring) = chart.ring_of(level) else { return false };
        let end_s = start_s.saturating_add(ring.block_s());
        if !(1..TIME_S_MAX).contains(&start_s) || !(1..TIME_S_MAX).contains(&end_s) || chart.dimensions.is_empty() {
            return false;
        }
        let mut shelf = shelf(self.plan, slabs, repairs, &mut scratch.block, None, &mut []);
        match level {
            0 => chart.ring.restore(start_s, bytes, at, &mut shelf),
            _ => chart
                .tiers
                .iter_mut()
                .find(|tier| tier.level == level)
                .is_some_and(|tier| tier.ring.restore(start_s, bytes, at, &mut shelf.of_tier(level, tier.settings))),
        }
    }

    /// Puts a row that comes from a disk to its place.
    pub(crate) fn restore_row(&mut self, (slot, level): (ChartSlot, usize), time_s: i64, values: &mut Vec<u32>) {
        let HostState { charts, slabs, repairs, scratch, .. } = &mut *self.state;
        let Some(chart) = charts.get_mut(slot.0 as usize) else { return };
        let Some(ring) = chart.ring_of(level) else { return };
        if !(1..TIME_S_MAX).contains(&time_s) || time_s % ring.every_s != 0 || chart.dimensions.is_empty() {
            return;
        }
        let cells = if level == 0 { 1 } else { CELLS };
        values.resize(chart.dimensions.len() * cells, Packed::EMPTY.to_bits());
        let mut shelf = shelf(self.plan, slabs, repairs, &mut scratch.block, None, &mut []);
        match level {
            0 => {
                chart.ring.append(time_s, &values[..], &mut shelf);
            }
            _ => {
                if let Some(tier) = chart.tiers.iter_mut().find(|tier| tier.level == level) {
                    tier.restore_row(time_s, values, &mut shelf);
                }
            }
        }
    }

    /// A chart was no more when the disk was written last.
    pub(crate) fn restore_gone(&mut self, slot: ChartSlot) {
        self.state.remove_chart(slot);
    }

    /// All blocks of all charts came: the last of each goes on where it ended.
    pub(crate) fn finish_restore(&mut self) {
        let HostState { charts, slabs, repairs, scratch, .. } = &mut *self.state;
        let mut shelf = shelf(self.plan, slabs, repairs, &mut scratch.block, None, &mut []);
        for chart in charts {
            chart.ring.reopen(chart.dimensions.len(), &mut shelf);
            for tier in &mut chart.tiers {
                tier.reopen(chart.dimensions.len(), &mut shelf);
            }
        }
    }

    /// All rows came, too: summaries that the disk did not have are made up.
    pub(crate) fn finish_rows(&mut self) {
        let HostState { charts, slabs, repairs, scratch, .. } = &mut *self.state;
        for chart in charts {
            let mut shelf = shelf(self.plan, slabs, repairs, &mut scratch.block, None, &mut chart.tiers);
            chart.ring.settle(&mut shelf);
            tier::align(&chart.ring, false, &mut shelf);
            self.newest_s = self.newest_s.max(chart.ring.last_s());
            chart.clock.updated_us = chart.ring.last_s() * US_PER_S;
            for (dimension, &bits) in chart.dimensions.iter_mut().zip(chart.ring.newest()) {
                dimension.stored = Packed::from_bits(bits);
            }
        }
    }
}
