//! What can be read of a host under its lock.

use std::hint::black_box;

use row::{ChartDefinition, ChartSlot, DimensionDefinition, DimensionIndex, FunctionDefinition, Guid, Label, Packed};

use crate::chart::Chart;
use crate::feed::FeedKind;
use crate::host::HostState;
use crate::ring::Ring;
use crate::slab::Slabs;
use crate::snapshot::Snapshot;
use crate::tier::{Coverage, Levels, TierRows};

/// A host, while its lock is held.
#[derive(Clone, Copy)]
pub struct HostView<'a> {
    state: &'a HostState,
}

impl<'a> HostView<'a> {
    pub(crate) fn new(state: &'a HostState) -> Self {
        Self { state }
    }

    /// Where the host's rows come from now.
    #[must_use]
    pub fn feed_kind(&self) -> FeedKind {
        self.state.kind
    }

    /// The number of the feed in force or, without one, of the last.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.state.generation
    }

    /// All charts in slot order.
    pub fn charts(&self) -> impl Iterator<Item = ChartView<'a>> + use<'a> {
        let slabs = &self.state.slabs;
        let slots = self.state.charts.iter().enumerate().filter(|(_, chart)| !chart.is_vacant());
        slots.map(move |(slot, chart)| ChartView::new(slot, chart, slabs))
    }

    /// How many charts there are.
    #[must_use]
    pub fn chart_count(&self) -> usize {
        self.state.chart_count()
    }

    /// Slots from here on have no chart; some before may be vacant.
    #[must_use]
    pub fn slots_end(&self) -> u32 {
        self.state.charts.len() as u32
    }

    /// Rises with each chart that is new, and each index of a dimension that is used again.
    #[must_use]
    pub fn births(&self) -> u64 {
        self.state.slots.births()
    }

    /// Rises with each chart and each dimension that goes. As long as it stands still, all slots and
    /// indexes mean what they meant; after that, those of a chart that was [born](ChartView::born) by
    /// then.
    #[must_use]
    pub fn removals(&self) -> u64 {
        self.state.slots.removals()
    }

    /// Rises whenever something comes, goes or is defined otherwise: a chart, a dimension, labels, a
    /// variable; and with each feed. The values of rows and variables do not count.
    #[must_use]
    pub fn changes(&self) -> u64 {
        // Each of them only rises, so that the sum tells whether any did.
        self.state.changes + self.births() + self.removals() + self.state.generation
    }

    /// One chart; `None` where the slot is vacant.
    #[must_use]
    pub fn chart(&self, slot: ChartSlot) -> Option<ChartView<'a>> {
        let chart = self.state.chart(slot)?;
        Some(ChartView::new(slot.0 as usize, chart, &self.state.slabs))
    }

    /// Brings what is read of these charts into the caches: their definitions, and so many of their newest rows. The
    /// processor waits for many lines of memory at a time then, and not for one after the other; some charts
    /// at a time are enough.
    pub fn fetch(&self, slots: impl Iterator<Item = ChartSlot> + Clone, rows: usize) {
        let charts = || slots.clone().filter_map(|slot| self.state.chart(slot));
        // Where texts and rows lie is known once the record is here. Nobody needs the sums; were they left out,
        // nothing but time would be lost.
        black_box(charts().fold(0, |sum, chart| sum ^ chart.touch()));
        black_box(charts().fold(0, |sum, chart| sum ^ chart.touch_texts()));
        black_box(charts().fold(0, |sum, chart| sum ^ chart.touch_newest(rows)));
    }

    /// The chart with this id or, where there is none, this name.
    #[must_use]
    pub fn find_chart(&self, id_or_name: &str) -> Option<ChartView<'a>> {
        self.chart_with_id(id_or_name).or_else(|| self.charts().find(|chart| chart.definition().name == id_or_name))
    }

    /// The chart with this id, found without looking at others.
    #[must_use]
    pub fn chart_with_id(&self, id: &str) -> Option<ChartView<'a>> {
        self.state.find_chart(id.as_bytes(), None).and_then(|slot| self.chart(slot))
    }

    /// The host's labels.
    pub fn labels(&self) -> impl Iterator<Item = Label<'a>> + use<'a> {
        self.state.labels.iter().map(|label| label.borrow())
    }

    /// Its identity with its maker's cloud.
    #[must_use]
    pub fn claimed_id(&self) -> Option<Guid> {
        self.state.claimed_id
    }

    /// The functions that its feed offers.
    pub fn functions(&self) -> impl Iterator<Item = FunctionDefinition<'a>> + use<'a> {
        self.state.functions.iter().map(|function| function.borrow())
    }

    /// The host's variables.
    pub fn variables(&self) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        self.state.variables.iter().map(|(name, value)| (&**name, *value))
    }
}

/// A chart, while its host's lock is held.
#[derive(Clone, Copy)]
pub struct ChartView<'a> {
    slot: ChartSlot,
    chart: &'a Chart,
    slabs: &'a Slabs,
}

/// When a chart was collected and stored last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChartState {
    /// The last collection, in microseconds of the wall clock; 0 before the first.
    pub collected_us: i64,
    /// The last stored point, in microseconds.
    pub updated_us: i64,
}

/// What the next collection of a dimension goes on from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DimensionState {
    /// The last collected value.
    pub collected: i64,
    /// What a counter gained since the last stored point; of others, the last calculated value.
    pub carry: f64,
    /// The newest stored value.
    pub stored: Packed,
    /// Whether there is something to go on from: it was collected, or replicated, before.
    pub is_based: bool,
}

impl<'a> ChartView<'a> {
    pub(crate) fn new(slot: usize, chart: &'a Chart, slabs: &'a Slabs) -> Self {
        Self { slot: ChartSlot(slot as u32), chart, slabs }
    }

    /// Its slot.
    #[must_use]
    pub fn slot(&self) -> ChartSlot {
        self.slot
    }

    /// Its definition.
    #[must_use]
    pub fn definition(&self) -> ChartDefinition<'a> {
        self.chart.definition()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'a str {
        &self.chart.texts.id
    }

    /// Its name, or its id where it has none.
    #[must_use]
    pub fn name(&self) -> &'a str {
        let texts = &self.chart.texts;
        if texts.name.is_empty() { &texts.id } else { &texts.name }
    }

    /// The host's [number of births](HostView::births) with it.
    #[must_use]
    pub fn born(&self) -> u64 {
        self.chart.texts.life.born
    }

    /// The host's [number of births](HostView::births) when an index of its dimensions last became
    /// another one's: as long as it is the same, this is the same chart with the same indexes.
    #[must_use]
    pub fn laid_out(&self) -> u64 {
        self.chart.texts.life.laid_out
    }

    /// Whether there is no dimension at an index any more that is to be shown: it is obsolete and
    /// had no value for long. Where its id is empty, the ring has no value of it either.
    #[must_use]
    pub fn is_gone(&self, index: DimensionIndex) -> bool {
        self.chart.dimensions.get(index as usize).is_none_or(|dimension| dimension.is_gone || dimension.is_vacant())
    }

    /// Its dimensions by index, also those that are gone.
    pub fn dimensions(&self) -> impl ExactSizeIterator<Item = DimensionDefinition<'a>> + use<'a> {
        let chart = self.chart;
        (0..chart.dimensions.len()).map(move |index| chart.dimension(index))
    }

    /// How many indexes of dimensions it has.
    #[must_use]
    pub fn dimension_count(&self) -> usize {
        self.chart.dimensions.len()
    }

    /// Its labels.
    pub fn labels(&self) -> impl Iterator<Item = Label<'a>> + use<'a> {
        self.chart.texts.labels.iter().map(|label| label.borrow())
    }

    /// Its variables.
    pub fn variables(&self) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        self.chart.texts.variables.iter().map(|(name, value)| (&**name, *value))
    }

    /// Seconds between its rows.
    #[must_use]
    pub fn update_every_s(&self) -> u32 {
        self.chart.ring.every_s as u32
    }

    /// The second of its oldest row or, where tiers reach back farther, the end of the oldest period
    /// that they have; 0 without either.
    #[must_use]
    pub fn oldest_s(&self) -> i64 {
        let tiers = self.chart.tiers.iter().map(|tier| tier.ring.first_s());
        tiers.chain([self.first_s()]).filter(|&first_s| first_s > 0).min().unwrap_or(0)
    }

    /// Its rows, and where their blocks lie.
    pub(crate) fn rows(&self) -> (&'a Ring, &'a Slabs) {
        (&self.chart.ring, self.slabs)
    }

    /// What its rows and its tiers cover, the finest first.
    pub(crate) fn levels(&self) -> Levels {
        let ring = &self.chart.ring;
        let after_s = ring.first_s() - ring.every_s;
        let rows = Coverage { step_s: ring.every_s, after_s, before_s: ring.last_s().max(after_s) };
        let mut levels = Levels::of(rows);
        // What is behind the open block, tiers have taken.
        let mut taken_s = if ring.is_empty() { 0 } else { ring.open_start_s - ring.every_s };
        for tier in &self.chart.tiers {
            let step_s = tier.ring.every_s;
            let before_s = if tier.current_s > 0 { taken_s.max(tier.current_s - step_s) } else { 0 };
            let first_s = if tier.ring.is_empty() { tier.current_s } else { tier.ring.first_s() };
            levels.push(Coverage { step_s, after_s: first_s - step_s, before_s });
            taken_s = tier.current_s - step_s;
        }
        levels
    }

    /// Takes the rows of a tier, of which there are one less than [`Self::levels`].
    pub(crate) fn tier_rows(&self, tier: usize, after_s: i64, before_s: i64) -> TierRows {
        TierRows::take(&self.chart.tiers[tier], self.slabs, after_s, before_s)
    }

    /// The second of its oldest row; 0 without rows.
    #[must_use]
    pub fn first_s(&self) -> i64 {
        self.chart.ring.first_s()
    }

    /// The second of its newest row; 0 without rows.
    #[must_use]
    pub fn last_s(&self) -> i64 {
        self.chart.ring.last_s()
    }

    /// When it was collected and stored last.
    #[must_use]
    pub fn state(&self) -> ChartState {
        ChartState { collected_us: self.chart.clock.collected_us, updated_us: self.chart.clock.updated_us }
    }

    /// What a dimension's next collection goes on from.
    #[must_use]
    pub fn dimension_state(&self, index: DimensionIndex) -> Option<DimensionState> {
        let dimension = self.chart.dimensions.get(index as usize)?;
        Some(DimensionState {
            collected: dimension.collected,
            carry: dimension.carry,
            stored: dimension.stored,
            is_based: dimension.collections > 0,
        })
    }

    /// The rows after `after_s` up to `before_s` as they lie in the open block: one after another, and
    /// how many values each has, as [bits](Packed::to_bits). `None` where some of them are not there any more.
    #[must_use]
    pub fn open_rows(&self, after_s: i64, before_s: i64) -> Option<(&'a [u32], usize)> {
        let ring = &self.chart.ring;
        if after_s.saturating_add(ring.every_s) < ring.open_start_s && !ring.sealed.is_empty() {
            return None;
        }
        let rows_to = |time_s: i64| {
            let rows = time_s.saturating_sub(ring.open_start_s).div_euclid(ring.every_s).saturating_add(1);
            rows.clamp(0, ring.open_rows as i64) as usize
        };
        let (begin, end) = (rows_to(after_s), rows_to(before_s));
        Some((&ring.open[begin * ring.stride..end.max(begin) * ring.stride], ring.stride))
    }

    /// Takes the rows after `after_s` up to `before_s`, to be decoded outside the lock.
    #[must_use]
    pub fn snapshot(&self, after_s: i64, before_s: i64) -> Snapshot {
        Snapshot::take(&self.chart.ring, self.slabs, after_s, before_s)
    }
}
