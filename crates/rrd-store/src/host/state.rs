//! What a host's lock guards: flat arrays in slot order, and what belongs to them.

use std::collections::HashMap;
use std::sync::Arc;

use row::{ChartSlot, Guid, Now, Packed, Sample};

use crate::chart::{Chart, OwnedFunction, OwnedLabel, id_hash};
use crate::feed::FeedKind;
use crate::files::Journal;
use crate::late::Repairs;
use crate::life::Standing;
use crate::ring::Ring;
use crate::slab::Slabs;
use crate::slots::Slots;
use crate::tap::{Tap, TapId};

/// What the host's lock guards.
#[derive(Default)]
pub(crate) struct HostState {
    pub(crate) generation: u64,
    pub(crate) kind: FeedKind,
    pub(crate) charts: Vec<Chart>,
    /// From an id's hash to the first chart that had it.
    pub(crate) by_hash: HashMap<u32, u32>,
    pub(crate) dimensions: usize,
    /// The number of the next chart.
    pub(crate) next_number: u32,
    pub(crate) slots: Slots,
    pub(crate) standing: Standing,
    /// Charts and dimensions when it went to sleep.
    pub(super) before_sleep: (usize, usize),
    pub(crate) slabs: Slabs,
    pub(crate) repairs: Repairs,
    pub(crate) scratch: Scratch,
    /// What the disk is to be told, where rows go there as they come.
    pub(crate) journal: Option<Box<Journal>>,
    pub(crate) taps: Vec<(TapId, Box<dyn Tap>)>,
    pub(super) next_tap: u64,
    pub(crate) labels: Vec<OwnedLabel>,
    pub(crate) variables: Vec<(Arc<str>, f64)>,
    /// Its identity with its maker's cloud.
    pub(crate) claimed_id: Option<Guid>,
    /// What the feed in force offers.
    pub(crate) functions: Vec<OwnedFunction>,
    /// Rises with each change of what there is: charts, dimensions, labels, names of variables.
    pub(crate) changes: u64,
    /// Labels, variables, identity or functions changed since taps were shown them.
    pub(crate) host_changed: bool,
    /// Charts whose definition changed since taps were shown it.
    pub(crate) changed_charts: Vec<ChartSlot>,
    /// Counts how often the wall clock was set, as seen by writers.
    pub(crate) clock_epoch: u32,
    /// Wall minus monotonic clock at the last writer.
    pub(crate) clock_offset_us: Option<i64>,
}

/// Space that a row is made in, kept from row to row.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The chart whose row is open: a stream's row may come in several batches.
    pub(crate) open: Option<ChartSlot>,
    pub(crate) samples: Vec<Sample>,
    /// The values of a point before the last one.
    pub(crate) before: Vec<Packed>,
    pub(crate) block: Vec<u8>,
}

/// The clock was set where wall and monotonic clock part by more than this.
const CLOCK_JUMP_US: i64 = 500_000;

impl HostState {
    /// Notes whether the wall clock was set since the last writer.
    pub(crate) fn note_clock(&mut self, now: Now) {
        let offset_us = now.wall_us - now.mono_us as i64;
        let before_us = self.clock_offset_us.replace(offset_us);
        if before_us.is_some_and(|before_us| before_us.abs_diff(offset_us) > CLOCK_JUMP_US as u64) {
            self.clock_epoch += 1;
        }
    }

    /// The chart in a slot.
    pub(crate) fn chart(&self, slot: ChartSlot) -> Option<&Chart> {
        self.charts.get(slot.0 as usize).filter(|chart| !chart.is_vacant())
    }

    /// The chart in a slot.
    pub(crate) fn chart_mut(&mut self, slot: ChartSlot) -> Option<&mut Chart> {
        self.charts.get_mut(slot.0 as usize).filter(|chart| !chart.is_vacant())
    }

    /// Forgets a chart's rows: it has another update every.
    pub(crate) fn empty_ring(&mut self, slot: ChartSlot, every_s: u32) {
        let ring = &mut self.charts[slot.0 as usize].ring;
        ring.release(&mut self.slabs, &mut self.repairs);
        *ring = Ring::new(every_s);
    }

    /// How many charts there are.
    pub(crate) fn chart_count(&self) -> usize {
        self.charts.len() - self.slots.vacant()
    }

    /// The chart with this id, tried first right after `previous`.
    pub(crate) fn find_chart(&self, id: &[u8], previous: Option<ChartSlot>) -> Option<ChartSlot> {
        let hash = id_hash(id);
        if let Some(ChartSlot(previous)) = previous
            && let next = (previous as usize + 1) % self.charts.len().max(1)
            && let Some(chart) = self.charts.get(next)
            && chart.is(hash, id)
        {
            return Some(ChartSlot(next as u32));
        }
        let &slot = self.by_hash.get(&hash)?;
        if self.charts[slot as usize].texts.id.as_bytes() == id {
            return Some(ChartSlot(slot));
        }
        let place = self.charts.iter().position(|chart| chart.id_hash == hash && chart.texts.id.as_bytes() == id)?;
        Some(ChartSlot(place as u32))
    }
}
