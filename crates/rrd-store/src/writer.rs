//! The writer: a feed's lock on its host, for one batch of definitions and rows.

mod define;
mod fetching;
mod restore;

use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use row::{ChartOptions, ChartSlot, DimensionIndex, Guid, Now, Packed, Row, Sample, US_PER_S};

pub use self::define::DefineError;
use self::fetching::Fetching;
use crate::AHEAD_S;
use crate::chart::{Chart, id_hash};
use crate::collection::{self, Dimension, Elapsed, Moved};
use crate::files::{Journal, Noting};
use crate::host::{Host, HostState};
use crate::late::Repairs;
use crate::levels::Levels;
use crate::ring::{Kept, Shelf};
use crate::slab::Slabs;
use crate::tier::{self, Part, Tier};
use crate::view::{ChartView, HostView};

/// Rows beyond this second are not dated truthfully by anybody, and would not fit the arithmetic.
const TIME_S_MAX: i64 = 1 << 40;

/// Writes one batch to a host. Rows of a chart are opened with [`Writer::begin`], given values
/// with [`Writer::set`] or [`Writer::set_stored`] and written with [`Writer::end`] or
/// [`Writer::end_stored`].
pub struct Writer<'a> {
    host: &'a Host,
    state: MutexGuard<'a, HostState>,
    plan: Plan,
    now: Now,
    newest_s: i64,
    rows: u64,
    samples: u64,
    ignored: u64,
    refused: u64,
    ahead: u64,
    /// How far the row that is furthest ahead of the clock is.
    ahead_s: i64,
    fetching: Fetching,
}

/// Nothing is dated while rows are restored.
const NO_TIME: Now = Now { wall_us: 0, mono_us: 0 };

impl<'a> Writer<'a> {
    pub(crate) fn open(host: &'a Host, generation: u64, now: Now) -> Option<Self> {
        let mut state = host.lock();
        if state.generation != generation {
            return None;
        }
        state.note_clock(now);
        state.repairs.at(now);
        Some(Self::new(host, state, now))
    }

    /// Writes what comes from a disk to a host that sleeps.
    pub(crate) fn restoring(host: &'a Host) -> Self {
        Self::new(host, host.lock_asleep(), NO_TIME)
    }

    fn new(host: &'a Host, state: MutexGuard<'a, HostState>, now: Now) -> Self {
        let newest_s = host.newest_s.load(Ordering::Relaxed);
        Self {
            host,
            state,
            plan: Plan::of(host),
            now,
            newest_s,
            rows: 0,
            samples: 0,
            ignored: 0,
            refused: 0,
            ahead: 0,
            ahead_s: 0,
            fetching: Fetching::default(),
        }
    }

    /// How many seconds ahead of the clock the rows of this batch are dated, if that is [`AHEAD_S`] or more.
    #[must_use]
    pub fn ahead_s(&self) -> Option<i64> {
        (self.ahead_s >= AHEAD_S).then_some(self.ahead_s)
    }

    fn note_second(&mut self, time_s: i64) {
        self.newest_s = self.newest_s.max(time_s);
        let ahead_s = time_s - self.now.wall_s();
        self.ahead += u64::from(ahead_s >= AHEAD_S);
        self.ahead_s = self.ahead_s.max(ahead_s);
    }

    /// The host's machine GUID.
    #[must_use]
    pub fn guid(&self) -> Guid {
        self.host.guid()
    }

    /// What nodes above and below say of the host's alarms.
    #[must_use]
    pub fn levels(&self) -> &Levels {
        self.host.levels()
    }

    /// What the host holds.
    #[must_use]
    pub fn view(&self) -> HostView<'_> {
        HostView::new(&self.state)
    }

    /// The chart with this id, tried first right after `previous`: streams repeat their order.
    #[must_use]
    pub fn find_chart(&self, id: &[u8], previous: Option<ChartSlot>) -> Option<ChartSlot> {
        self.state.find_chart(id, previous)
    }

    /// Whether the chart of a slot has this id.
    #[must_use]
    pub fn is_chart(&self, slot: ChartSlot, id: &[u8]) -> bool {
        self.state.charts.get(slot.0 as usize).is_some_and(|chart| chart.is(id_hash(id), id))
    }

    /// The dimension of the open row with this id, tried first at `guess`.
    #[inline(always)]
    #[must_use]
    pub fn find_dimension(&self, id: &[u8], guess: DimensionIndex) -> Option<DimensionIndex> {
        let chart = &self.state.charts[self.state.scratch.open?.0 as usize];
        chart.find_dimension(id, guess as usize).map(|index| index as DimensionIndex)
    }

    /// Opens a row of a chart; what was not ended before is forgotten. Returns whether there is
    /// such a chart.
    pub fn begin(&mut self, slot: ChartSlot) -> bool {
        let HostState { charts, scratch, .. } = &mut *self.state;
        self.fetching.row(slot.0 as usize, charts);
        let Some(chart) = charts.get_mut(slot.0 as usize).filter(|chart| !chart.is_vacant()) else {
            scratch.open = None;
            return false;
        };
        chart.seen = true;
        scratch.samples.clear();
        scratch.samples.resize(chart.dimensions.len(), Sample::ABSENT);
        scratch.open = Some(slot);
        true
    }

    /// Gives the open row a collected value.
    #[inline]
    pub fn set(&mut self, dimension: DimensionIndex, collected: i64) {
        if let Some(sample) = self.state.scratch.samples.get_mut(dimension as usize) {
            sample.collected = collected;
            sample.updated = true;
        }
    }

    /// Gives the open row a stored value, with the collected one where it is known.
    #[inline]
    pub fn set_stored(&mut self, dimension: DimensionIndex, collected: Option<i64>, value: Packed) {
        if let Some(sample) = self.state.scratch.samples.get_mut(dimension as usize) {
            sample.collected = collected.unwrap_or(0);
            sample.updated = collected.is_some();
            sample.value = value;
        }
    }

    /// Writes the open row of collected values.
    pub fn end(&mut self, elapsed: Elapsed) {
        let Some(slot) = self.state.scratch.open.take() else { return };
        self.show_definitions(slot);
        let now = self.now;
        let mut newest_s = 0;
        let HostState { charts, slabs, repairs, scratch, taps, clock_epoch, journal, .. } = &mut *self.state;
        let Chart { clock, ring, dimensions, tiers, store_first, number, .. } = &mut charts[slot.0 as usize];
        scratch.samples.resize(dimensions.len(), Sample::ABSENT);
        let journal = noting(journal.as_deref_mut(), slot, *number);
        let mut shelf = shelf(self.plan, slabs, repairs, &mut scratch.block, journal, tiers);
        let every_us = ring.every_s * US_PER_S;
        let moved = clock.advance(elapsed, now.wall_us, *clock_epoch, every_us, *store_first);
        let elapsed_us = match moved {
            Moved::Interval { from_us, to_us } => (to_us - from_us) as u64,
            Moved::Based => {
                if !ring.is_empty() && ring.last_s() > now.wall_s() {
                    ring.cut(now.wall_s(), &mut shelf);
                    tier::align(ring, true, &mut shelf);
                }
                0
            }
        };
        let samples = &mut scratch.samples[..];
        let mut shown = false;
        collection::store(clock, moved, every_us, dimensions, samples, &mut scratch.before, |time_s, samples, last| {
            if (1..TIME_S_MAX).contains(&time_s) {
                if matches!(ring.append(time_s, samples, &mut shelf), Kept::Newest | Kept::Filled) {
                    shelf.note(time_s, samples);
                }
                newest_s = time_s;
                let row = Row { chart: slot, time_s: Some(time_s), elapsed_us: last.then_some(elapsed_us), samples };
                taps.iter_mut().for_each(|(_, tap)| tap.row(&row));
                shown |= last;
            }
        });
        if !shown {
            let row = Row { chart: slot, time_s: None, elapsed_us: Some(elapsed_us), samples };
            taps.iter_mut().for_each(|(_, tap)| tap.row(&row));
        }
        self.rows += 1;
        self.samples += samples.len() as u64;
        if newest_s != 0 {
            self.note_second(newest_s);
        }
    }

    /// Writes the open row of stored values at `time_s`. `live` rows move the chart's clock; others
    /// are history, and only fill what is empty. Returns whether the row brought anything.
    pub fn end_stored(&mut self, time_s: i64, live: bool) -> bool {
        let Some(slot) = self.state.scratch.open.take() else { return false };
        self.show_definitions(slot);
        let HostState { charts, slabs, repairs, scratch, taps, journal, .. } = &mut *self.state;
        let Chart { clock, ring, dimensions, tiers, number, .. } = &mut charts[slot.0 as usize];
        scratch.samples.resize(dimensions.len(), Sample::ABSENT);
        if !(1..TIME_S_MAX).contains(&time_s) || time_s % ring.every_s != 0 {
            self.ignored += 1;
            return false;
        }
        let journal = noting(journal.as_deref_mut(), slot, *number);
        let mut shelf = shelf(self.plan, slabs, repairs, &mut scratch.block, journal, tiers);
        let kept = ring.append(time_s, &scratch.samples[..], &mut shelf);
        match kept {
            Kept::Newest | Kept::Filled => shelf.note(time_s, &scratch.samples[..]),
            Kept::Ignored | Kept::Refused => {
                self.ignored += u64::from(kept == Kept::Ignored);
                self.refused += u64::from(kept == Kept::Refused);
                return false;
            }
        }
        let elapsed_us = live.then(|| u64::try_from(time_s * US_PER_S - clock.collected_us).unwrap_or(0));
        for (dimension, sample) in dimensions.iter_mut().zip(&mut scratch.samples) {
            if sample.updated {
                dimension.collected = sample.collected;
            } else {
                sample.collected = dimension.collected;
            }
            if kept == Kept::Newest {
                dimension.stored = sample.value;
            }
            if !sample.value.is_empty() {
                dimension.collections = dimension.collections.max(1);
                dimension.seen = true;
            }
        }
        if kept == Kept::Newest {
            clock.updated_us = time_s * US_PER_S;
            clock.collected_us = clock.collected_us.max(clock.updated_us);
        }
        let row = Row { chart: slot, time_s: Some(time_s), elapsed_us, samples: &scratch.samples };
        taps.iter_mut().for_each(|(_, tap)| tap.row(&row));
        self.rows += 1;
        self.samples += scratch.samples.len() as u64;
        self.note_second(time_s);
        true
    }

    /// Takes over where a dimension's next collection goes on from.
    pub fn set_dimension_state(&mut self, slot: ChartSlot, dimension: DimensionIndex, collected: i64, carry: f64) {
        let carry = if carry.is_finite() { carry } else { 0.0 };
        self.change_dimension_state(slot, dimension, |dimension| {
            (dimension.collected, dimension.carry) = (collected, carry);
            dimension.collections = dimension.collections.max(1);
            dimension.wide |= collected.unsigned_abs() > u64::from(u32::MAX);
        });
    }

    /// Forgets where a dimension's next collection goes on from: it only makes a new base.
    pub fn forget_dimension_state(&mut self, slot: ChartSlot, dimension: DimensionIndex) {
        self.change_dimension_state(slot, dimension, |dimension| {
            (dimension.collected, dimension.carry, dimension.collections) = (0, 0.0, 0);
        });
    }

    /// Where the state is news, taps are shown the chart's definition again, as for that of a chart.
    fn change_dimension_state(&mut self, slot: ChartSlot, index: DimensionIndex, change: impl FnOnce(&mut Dimension)) {
        let chart = self.state.chart_mut(slot);
        let Some(dimension) = chart.and_then(|chart| chart.dimensions.get_mut(index as usize)) else { return };
        let state = |dimension: &Dimension| (dimension.collected, dimension.carry, dimension.collections > 0);
        let before = state(dimension);
        change(dimension);
        if state(dimension) != before {
            self.mark_changed(slot);
        }
    }

    /// Takes over when a chart was collected and stored last. Where that is news, taps are shown the
    /// chart's definition again: the duration of the next row counts from there.
    pub fn set_chart_state(&mut self, slot: ChartSlot, collected_us: i64, updated_us: i64) {
        let valid = 1..TIME_S_MAX * US_PER_S;
        if let Some(chart) = self.state.chart_mut(slot)
            && valid.contains(&collected_us)
            && valid.contains(&updated_us)
        {
            let is_news = std::mem::replace(&mut chart.clock.collected_us, collected_us) != collected_us;
            chart.clock.updated_us = updated_us.max(chart.ring.last_s() * US_PER_S);
            chart.clock.resync = false;
            if is_news {
                self.mark_changed(slot);
            }
        }
    }

    /// Shows taps what changed in the host's and the chart's definitions.
    fn show_definitions(&mut self, slot: ChartSlot) {
        let host_changed = self.state.host_changed;
        let chart = &mut self.state.charts[slot.0 as usize];
        if !chart.changed && !chart.variables_changed && !host_changed {
            return;
        }
        let changed = std::mem::take(&mut chart.changed);
        let variables_changed = std::mem::take(&mut chart.variables_changed);
        let now = self.now;
        let mut taps = std::mem::take(&mut self.state.taps);
        if std::mem::take(&mut self.state.host_changed) {
            taps.iter_mut().for_each(|(_, tap)| tap.host(&HostView::new(&self.state)));
        }
        if changed || variables_changed {
            let HostState { charts, slabs, .. } = &*self.state;
            let view = ChartView::new(slot.0 as usize, &charts[slot.0 as usize], slabs);
            taps.iter_mut()
                .for_each(|(_, tap)| if changed { tap.definition(&view, now) } else { tap.variables(&view) });
        }
        self.state.taps = taps;
    }

    /// Charts that end get no further row: taps learn of it at once.
    fn show_obsolete(&mut self) {
        let changed = std::mem::take(&mut self.state.changed_charts);
        let mut left = Vec::new();
        for slot in changed {
            let chart = &self.state.charts[slot.0 as usize];
            if chart.changed && chart.texts.options.has(ChartOptions::OBSOLETE) {
                self.show_definitions(slot);
            } else if chart.changed {
                left.push(slot);
            }
        }
        self.state.changed_charts = left;
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.state.changed_charts.is_empty() {
            self.show_obsolete();
        }
        self.host.newest_s.store(self.newest_s, Ordering::Relaxed);
        let figures = self.host.figures();
        figures.rows.add(self.rows);
        figures.samples.add(self.samples);
        figures.rows_ignored.add(self.ignored);
        figures.rows_refused.add(self.refused);
        figures.rows_ahead.add(self.ahead);
        self.state.taps.iter_mut().for_each(|(_, tap)| tap.wake());
    }
}

fn noting(journal: Option<&mut Journal>, slot: ChartSlot, number: u32) -> Option<Noting<'_>> {
    journal.map(|journal| Noting { journal, slot, number, level: 0 })
}

/// What a host's rings keep, read once per batch.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// The host's share of the spare rows.
    phase: usize,
    /// Rows to keep.
    history: u32,
    /// And so many seconds at least: the shortest tier is made of them.
    least_s: u32,
}

impl Plan {
    fn of(host: &Host) -> Self {
        Self {
            phase: host.phase(),
            history: host.keep().history_rows.max(1),
            least_s: host.tiers().first().map_or(0, |tier| tier.step_s),
        }
    }
}

fn shelf<'a>(
    plan: Plan,
    slabs: &'a mut Slabs,
    repairs: &'a mut Repairs,
    scratch: &'a mut Vec<u8>,
    journal: Option<Noting<'a>>,
    tiers: &'a mut [Tier],
) -> Shelf<'a> {
    let Plan { phase, history, least_s } = plan;
    Shelf { slabs, repairs, phase, history, budget: None, scratch, journal, tiers, least_s }
}

impl HostState {
    /// Seals the late blocks that are being filled, and adds what came late to rows of tiers.
    pub(crate) fn settle(&mut self, host: &Host) {
        let Self { charts, slabs, repairs, scratch, journal, .. } = self;
        let has_late = |chart: &Chart| !chart.ring.late.is_empty() || chart.tiers.iter().any(Tier::has_late);
        for (slot, chart) in (0..).zip(charts).filter(|(_, chart)| has_late(chart)) {
            let Chart { ring, tiers, number, .. } = chart;
            let journal = noting(journal.as_deref_mut(), ChartSlot(slot), *number);
            let mut shelf = shelf(Plan::of(host), slabs, repairs, &mut scratch.block, journal, &mut []);
            ring.settle(&mut shelf);
            tiers.iter_mut().for_each(|tier| tier.settle(&mut shelf));
        }
    }

    /// Hands rows that filled a block on the disk to the chart's tiers.
    pub(crate) fn feed_late(&mut self, host: &Host, slot: ChartSlot, start_s: i64, filled: &[u32], stride: usize) {
        let Self { charts, slabs, repairs, scratch, journal, .. } = self;
        let Some(Chart { ring, tiers, number, .. }) = charts.get_mut(slot.0 as usize) else { return };
        let filled = Part { rows: filled, stride, start_s, every_s: ring.every_s };
        let journal = noting(journal.as_deref_mut(), slot, *number);
        tier::feed_late_rows(&filled, &mut shelf(Plan::of(host), slabs, repairs, &mut scratch.block, journal, tiers));
    }
}
