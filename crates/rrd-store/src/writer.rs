//! The writer: a feed's lock on its host, for one batch of definitions and rows.

use std::sync::Arc;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use row::{
    ChartDefinition, ChartOptions, ChartSlot, DimensionDefinition, DimensionIndex, FunctionDefinition, Guid, Label,
    Now, Packed, Row, Sample, US_PER_S,
};

use crate::chart::{Chart, DimensionTexts, OwnedFunction, OwnedLabel, id_hash};
use crate::collection::{self, Dimension, Elapsed, Moved};
use crate::files::{Journal, Noting, OnDisk};
use crate::host::{Host, HostState};
use crate::late::Repairs;
use crate::ring::{Kept, Shelf};
use crate::slab::{BlockAt, Slabs};
use crate::tier::{self, CELLS, Part, Tier};
use crate::view::{ChartView, HostView};
use crate::{
    AHEAD_S, CHARTS_PER_HOST_MAX, DIMENSIONS_PER_CHART_MAX, DIMENSIONS_PER_HOST_MAX, FUNCTIONS_MAX, LABELS_MAX,
    TEXT_BYTES_MAX, UPDATE_EVERY_MAX_S,
};

/// Why a definition was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DefineError {
    /// The chart id is not `type.rest`.
    #[error("a chart id needs a dot with something on both sides")]
    ChartId,
    /// A text is empty or too long.
    #[error("a text of the definition is empty or longer than {TEXT_BYTES_MAX} bytes")]
    Text,
    /// The host has too many charts.
    #[error("a host may have {CHARTS_PER_HOST_MAX} charts at most")]
    Charts,
    /// The chart or the host has too many dimensions.
    #[error("a chart may have {DIMENSIONS_PER_CHART_MAX} dimensions at most, a host {DIMENSIONS_PER_HOST_MAX}")]
    Dimensions,
    /// No such chart.
    #[error("no such chart")]
    UnknownChart,
}

/// Rows beyond this second are not dated truthfully by anybody, and would not fit the arithmetic.
const TIME_S_MAX: i64 = 1 << 40;

/// Writes one batch to a host. Rows of a chart are opened with [`Writer::begin`], given values
/// with [`Writer::set`] or [`Writer::set_stored`] and written with [`Writer::end`] or
/// [`Writer::end_stored`].
pub struct Writer<'a> {
    host: &'a Host,
    state: MutexGuard<'a, HostState>,
    now: Now,
    newest_s: i64,
    rows: u64,
    samples: u64,
    ignored: u64,
    refused: u64,
    ahead: u64,
    /// How far the row that is furthest ahead of the clock is.
    ahead_s: i64,
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
        Self { host, state, now, newest_s, rows: 0, samples: 0, ignored: 0, refused: 0, ahead: 0, ahead_s: 0 }
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

    /// What the host holds.
    #[must_use]
    pub fn view(&self) -> HostView<'_> {
        HostView::new(&self.state)
    }

    /// Defines a chart, or changes what is known of it.
    ///
    /// # Errors
    /// Where an id is malformed or a limit is reached.
    pub fn define_chart(&mut self, definition: &ChartDefinition<'_>) -> Result<ChartSlot, DefineError> {
        check_chart(definition)?;
        let every_s = definition.update_every_s.clamp(1, UPDATE_EVERY_MAX_S);
        let definition = ChartDefinition { update_every_s: every_s, ..*definition };
        if let Some(slot) = self.state.find_chart(definition.id.as_bytes(), None) {
            self.redefine_chart(slot, &definition);
            return Ok(slot);
        }
        if self.state.chart_count() >= CHARTS_PER_HOST_MAX {
            return Err(DefineError::Charts);
        }
        let hash = id_hash(definition.id.as_bytes());
        let slot = self.state.slots.take().unwrap_or(self.state.charts.len() as u32);
        let mut chart = Chart::new(&definition, hash, self.host.interner());
        chart.add_tiers(self.host.tiers());
        chart.number = self.state.next_number;
        self.state.next_number = self.state.next_number.wrapping_add(1);
        chart.texts.life.born = self.state.slots.birth();
        chart.texts.life.laid_out = chart.texts.life.born;
        match self.state.by_hash.get(&hash).copied() {
            None => {
                self.state.by_hash.insert(hash, slot);
            }
            Some(other) => {
                self.state.charts[other as usize].ambiguous = true;
                chart.ambiguous = true;
            }
        }
        match self.state.charts.get_mut(slot as usize) {
            Some(vacant) => *vacant = chart,
            None => self.state.charts.push(chart),
        }
        self.state.changed_charts.push(ChartSlot(slot));
        if let Some(journal) = &mut self.state.journal {
            journal.changed(ChartSlot(slot));
        }
        Ok(ChartSlot(slot))
    }

    fn redefine_chart(&mut self, slot: ChartSlot, definition: &ChartDefinition<'_>) {
        let chart = &mut self.state.charts[slot.0 as usize];
        chart.seen = true;
        let known = chart.definition();
        let context = if definition.context.is_empty() { definition.id } else { definition.context };
        if known == (ChartDefinition { context, ..*definition }) {
            return;
        }
        if known.update_every_s != definition.update_every_s {
            self.renew_ring(slot, definition.update_every_s);
        }
        let chart = &mut self.state.charts[slot.0 as usize];
        let fresh = Chart::new(definition, chart.id_hash, self.host.interner());
        let before = std::mem::replace(&mut chart.texts, fresh.texts);
        chart.texts.dimensions = before.dimensions;
        chart.texts.labels = before.labels;
        chart.texts.variables = before.variables;
        chart.texts.life = before.life;
        chart.store_first = fresh.store_first;
        self.mark_changed(slot);
    }

    /// Changes how many seconds are between a chart's rows; those that it has are forgotten then.
    pub fn set_update_every(&mut self, slot: ChartSlot, update_every_s: u32) {
        let every_s = update_every_s.clamp(1, UPDATE_EVERY_MAX_S);
        if self.state.chart(slot).is_some_and(|chart| chart.ring.every_s != i64::from(every_s)) {
            self.renew_ring(slot, every_s);
            self.mark_changed(slot);
        }
    }

    /// Forgets a chart's rows, but not their summaries: the next ones are `every_s` apart.
    fn renew_ring(&mut self, slot: ChartSlot, every_s: u32) {
        let HostState { charts, slabs, repairs, scratch, journal, ring_bytes, .. } = &mut *self.state;
        let Chart { ring, tiers, number, .. } = &mut charts[slot.0 as usize];
        let journal = noting(journal.as_deref_mut(), slot, *number);
        *ring_bytes -= ring.bytes();
        ring.hand_over(&mut shelf(self.host, slabs, repairs, &mut scratch.block, journal, tiers));
        *ring_bytes += ring.bytes();
        self.state.empty_ring(slot, every_s);
        self.state.charts[slot.0 as usize].add_tiers(self.host.tiers());
    }

    /// Says that a chart's collection stopped.
    pub fn set_chart_obsolete(&mut self, slot: ChartSlot) {
        if let Some(chart) = self.state.chart_mut(slot)
            && !chart.texts.options.has(ChartOptions::OBSOLETE)
        {
            chart.texts.options = chart.texts.options.with(ChartOptions::OBSOLETE);
            self.mark_changed(slot);
        }
    }

    /// Defines a dimension of a chart, or changes what is known of it.
    ///
    /// # Errors
    /// Where there is no such chart, a text is too long, or a limit is reached.
    pub fn define_dimension(
        &mut self,
        slot: ChartSlot,
        definition: &DimensionDefinition<'_>,
    ) -> Result<DimensionIndex, DefineError> {
        if definition.id.is_empty() || definition.id.len().max(definition.name.len()) > TEXT_BYTES_MAX {
            return Err(DefineError::Text);
        }
        let chart = self.state.chart_mut(slot).ok_or(DefineError::UnknownChart)?;
        let name = if definition.name.is_empty() { definition.id } else { definition.name };
        if let Some(index) =
            (0..chart.dimensions.len()).find(|&index| &*chart.texts.dimensions[index].id == definition.id)
        {
            let mut changed = chart.dimensions[index].redefine(definition);
            if &*chart.texts.dimensions[index].name != name {
                chart.texts.dimensions[index].name = self.host.interner().get(name);
                changed = true;
            }
            if changed {
                chart.note_obsolete(index);
                self.mark_changed(slot);
            }
            return Ok(index as DimensionIndex);
        }
        let free = chart.dimensions.iter().position(Dimension::is_vacant);
        let index = free.unwrap_or(chart.dimensions.len());
        self.add_dimension(slot, index, definition)?;
        self.mark_changed(slot);
        Ok(index as DimensionIndex)
    }

    /// Puts a dimension at an index that is free, or behind all others.
    fn add_dimension(
        &mut self,
        slot: ChartSlot,
        index: usize,
        definition: &DimensionDefinition<'_>,
    ) -> Result<(), DefineError> {
        let HostState { charts, dimensions, slots, .. } = &mut *self.state;
        if index >= DIMENSIONS_PER_CHART_MAX || *dimensions >= DIMENSIONS_PER_HOST_MAX {
            return Err(DefineError::Dimensions);
        }
        let (chart, interner) = (&mut charts[slot.0 as usize], self.host.interner());
        *dimensions += 1;
        let hash = id_hash(definition.id.as_bytes());
        chart.ambiguous |= chart.dimensions.iter().any(|other| other.id_hash == hash);
        let name = if definition.name.is_empty() { definition.id } else { definition.name };
        let texts = DimensionTexts { id: interner.get(definition.id), name: interner.get(name) };
        // Where the first collection is stored, a counter is taken to begin at zero.
        let dimension = Dimension { collections: u8::from(chart.store_first), ..Dimension::new(definition, hash) };
        if index < chart.dimensions.len() {
            chart.dimensions[index] = dimension;
            chart.texts.dimensions[index] = texts;
            chart.texts.life.laid_out = slots.birth();
        } else {
            chart.dimensions.push(dimension);
            chart.texts.dimensions.push(texts);
        }
        chart.note_obsolete(index);
        Ok(())
    }

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

    /// Replaces a chart's labels.
    pub fn set_chart_labels(&mut self, slot: ChartSlot, labels: &[Label<'_>]) {
        let Some(chart) = self.state.chart_mut(slot) else { return };
        let labels = OwnedLabel::collect(labels, self.host.interner());
        if chart.texts.labels != labels {
            chart.texts.labels = labels;
            self.mark_changed(slot);
        }
    }

    /// Sets a variable of a chart.
    pub fn set_chart_variable(&mut self, slot: ChartSlot, name: &str, value: f64) {
        let Some(chart) = self.state.chart_mut(slot) else { return };
        if set_variable(&mut chart.texts.variables, name, value, |name| self.host.interner().get(name)) {
            chart.variables_changed = true;
            if let Some(journal) = &mut self.state.journal {
                journal.changed(slot);
            }
        }
    }

    /// Replaces the host's labels.
    pub fn set_host_labels(&mut self, labels: &[Label<'_>]) {
        let labels = OwnedLabel::collect(labels, self.host.interner());
        if self.state.labels != labels {
            self.state.labels = labels;
            self.state.host_changed = true;
        }
    }

    /// Sets a variable of the host.
    pub fn set_host_variable(&mut self, name: &str, value: f64) {
        if set_variable(&mut self.state.variables, name, value, |name| self.host.interner().get(name)) {
            self.state.host_changed = true;
        }
    }

    /// Sets the host's identity with its maker's cloud.
    pub fn set_claimed_id(&mut self, claimed_id: Option<Guid>) {
        if std::mem::replace(&mut self.state.claimed_id, claimed_id) != claimed_id {
            self.state.host_changed = true;
        }
    }

    /// The host offers a function, until its feed takes it back or ends; returns whether there was room.
    pub fn offer_function(&mut self, function: &FunctionDefinition<'_>) -> bool {
        let texts = [function.name, function.help, function.tags, function.access];
        if texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return false;
        }
        let known = self.state.functions.iter().position(|known| &*known.name == function.name);
        if known.is_some_and(|place| self.state.functions[place].borrow() == *function) {
            return true;
        }
        let function = OwnedFunction::new(function, self.host.interner());
        match known {
            Some(place) => self.state.functions[place] = function,
            None if self.state.functions.len() >= FUNCTIONS_MAX => return false,
            None => self.state.functions.push(function),
        }
        self.state.host_changed = true;
        true
    }

    /// Takes a function back.
    pub fn withdraw_function(&mut self, name: &str) {
        let count = self.state.functions.len();
        self.state.functions.retain(|known| &*known.name != name);
        self.state.host_changed |= self.state.functions.len() != count;
    }

    fn mark_changed(&mut self, slot: ChartSlot) {
        if let Some(journal) = &mut self.state.journal {
            journal.changed(slot);
        }
        let chart = &mut self.state.charts[slot.0 as usize];
        if !std::mem::replace(&mut chart.changed, true) {
            self.state.changed_charts.push(slot);
        }
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
    #[must_use]
    pub fn find_dimension(&self, id: &[u8], guess: DimensionIndex) -> Option<DimensionIndex> {
        let chart = &self.state.charts[self.state.scratch.open?.0 as usize];
        chart.find_dimension(id, guess as usize).map(|index| index as DimensionIndex)
    }

    /// Opens a row of a chart; what was not ended before is forgotten. Returns whether there is
    /// such a chart.
    pub fn begin(&mut self, slot: ChartSlot) -> bool {
        let HostState { charts, scratch, .. } = &mut *self.state;
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
    pub fn set(&mut self, dimension: DimensionIndex, collected: i64) {
        if let Some(sample) = self.state.scratch.samples.get_mut(dimension as usize) {
            sample.collected = collected;
            sample.updated = true;
        }
    }

    /// Gives the open row a stored value, with the collected one where it is known.
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
        let HostState { charts, slabs, repairs, scratch, taps, clock_epoch, journal, ring_bytes, .. } =
            &mut *self.state;
        let Chart { clock, ring, dimensions, tiers, store_first, number, .. } = &mut charts[slot.0 as usize];
        *ring_bytes -= ring.bytes();
        scratch.samples.resize(dimensions.len(), Sample::ABSENT);
        scratch.values.resize(dimensions.len(), 0.0);
        let journal = noting(journal.as_deref_mut(), slot, *number);
        let mut shelf = shelf(self.host, slabs, repairs, &mut scratch.block, journal, tiers);
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
        collection::store(clock, moved, every_us, dimensions, samples, &mut scratch.values, |time_s, samples, last| {
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
        *ring_bytes += ring.bytes();
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
        let HostState { charts, slabs, repairs, scratch, taps, journal, ring_bytes, .. } = &mut *self.state;
        let Chart { clock, ring, dimensions, tiers, number, .. } = &mut charts[slot.0 as usize];
        scratch.samples.resize(dimensions.len(), Sample::ABSENT);
        if !(1..TIME_S_MAX).contains(&time_s) || time_s % ring.every_s != 0 {
            self.ignored += 1;
            return false;
        }
        let journal = noting(journal.as_deref_mut(), slot, *number);
        let mut shelf = shelf(self.host, slabs, repairs, &mut scratch.block, journal, tiers);
        *ring_bytes -= ring.bytes();
        let kept = ring.append(time_s, &scratch.samples[..], &mut shelf);
        *ring_bytes += ring.bytes();
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
        let chart = self.state.chart_mut(slot);
        if let Some(dimension) = chart.and_then(|chart| chart.dimensions.get_mut(dimension as usize)) {
            dimension.collected = collected;
            dimension.carry = if carry.is_finite() { carry } else { 0.0 };
            dimension.collections = dimension.collections.max(1);
            dimension.wide |= collected.unsigned_abs() > u64::from(u32::MAX);
        }
    }

    /// Forgets where a dimension's next collection goes on from: it only makes a new base.
    pub fn forget_dimension_state(&mut self, slot: ChartSlot, dimension: DimensionIndex) {
        let chart = self.state.chart_mut(slot);
        if let Some(dimension) = chart.and_then(|chart| chart.dimensions.get_mut(dimension as usize)) {
            (dimension.collected, dimension.carry, dimension.collections) = (0, 0.0, 0);
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
        let HostState { charts, slabs, repairs, scratch, ring_bytes, .. } = &mut *self.state;
        let Some(chart) = charts.get_mut(slot.0 as usize) else { return false };
        let Some(ring) = chart.ring_of(level) else { return false };
        let end_s = start_s.saturating_add(ring.block_s());
        if !(1..TIME_S_MAX).contains(&start_s) || !(1..TIME_S_MAX).contains(&end_s) || chart.dimensions.is_empty() {
            return false;
        }
        let mut shelf = shelf(self.host, slabs, repairs, &mut scratch.block, None, &mut []);
        match level {
            0 => {
                *ring_bytes -= chart.ring.bytes();
                let fits = chart.ring.restore(start_s, bytes, at, &mut shelf);
                *ring_bytes += chart.ring.bytes();
                fits
            }
            _ => chart
                .tiers
                .iter_mut()
                .find(|tier| tier.level == level)
                .is_some_and(|tier| tier.ring.restore(start_s, bytes, at, &mut shelf.of_tier(level, tier.rows))),
        }
    }

    /// Puts a row that comes from a disk to its place.
    pub(crate) fn restore_row(&mut self, (slot, level): (ChartSlot, usize), time_s: i64, values: &mut Vec<u32>) {
        let HostState { charts, slabs, repairs, scratch, ring_bytes, .. } = &mut *self.state;
        let Some(chart) = charts.get_mut(slot.0 as usize) else { return };
        let Some(ring) = chart.ring_of(level) else { return };
        if !(1..TIME_S_MAX).contains(&time_s) || time_s % ring.every_s != 0 || chart.dimensions.is_empty() {
            return;
        }
        let cells = if level == 0 { 1 } else { CELLS };
        values.resize(chart.dimensions.len() * cells, Packed::EMPTY.to_bits());
        let mut shelf = shelf(self.host, slabs, repairs, &mut scratch.block, None, &mut []);
        match level {
            0 => {
                *ring_bytes -= chart.ring.bytes();
                chart.ring.append(time_s, &values[..], &mut shelf);
                *ring_bytes += chart.ring.bytes();
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
        let HostState { charts, slabs, repairs, scratch, ring_bytes, .. } = &mut *self.state;
        let mut shelf = shelf(self.host, slabs, repairs, &mut scratch.block, None, &mut []);
        for chart in charts {
            *ring_bytes -= chart.ring.bytes();
            chart.ring.reopen(chart.dimensions.len(), &mut shelf);
            *ring_bytes += chart.ring.bytes();
            for tier in &mut chart.tiers {
                tier.reopen(chart.dimensions.len(), &mut shelf);
            }
        }
    }

    /// All rows came, too: summaries that the disk did not have are made up.
    pub(crate) fn finish_rows(&mut self) {
        let HostState { charts, slabs, repairs, scratch, ring_bytes, .. } = &mut *self.state;
        for chart in charts {
            let mut shelf = shelf(self.host, slabs, repairs, &mut scratch.block, None, &mut chart.tiers);
            *ring_bytes -= chart.ring.bytes();
            chart.ring.settle(&mut shelf);
            *ring_bytes += chart.ring.bytes();
            tier::align(&chart.ring, false, &mut shelf);
            self.newest_s = self.newest_s.max(chart.ring.last_s());
            chart.clock.updated_us = chart.ring.last_s() * US_PER_S;
            for (dimension, &bits) in chart.dimensions.iter_mut().zip(chart.ring.newest()) {
                dimension.stored = Packed::from_bits(bits);
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

fn shelf<'a>(
    host: &Host,
    slabs: &'a mut Slabs,
    repairs: &'a mut Repairs,
    scratch: &'a mut Vec<u8>,
    journal: Option<Noting<'a>>,
    tiers: &'a mut [Tier],
) -> Shelf<'a> {
    let history = host.keep().history_rows.max(1);
    let least_s = host.tiers().first().map_or(0, |tier| tier.step_s);
    Shelf { slabs, repairs, phase: host.phase(), history, scratch, journal, tiers, least_s }
}

impl HostState {
    /// Seals the late blocks that are being filled, and adds what came late to rows of tiers.
    pub(crate) fn settle(&mut self, host: &Host) {
        let Self { charts, slabs, repairs, scratch, journal, ring_bytes, .. } = self;
        let has_late = |chart: &Chart| !chart.ring.late.is_empty() || chart.tiers.iter().any(Tier::has_late);
        for (slot, chart) in (0..).zip(charts).filter(|(_, chart)| has_late(chart)) {
            let Chart { ring, tiers, number, .. } = chart;
            let journal = noting(journal.as_deref_mut(), ChartSlot(slot), *number);
            let mut shelf = shelf(host, slabs, repairs, &mut scratch.block, journal, &mut []);
            *ring_bytes -= ring.bytes();
            ring.settle(&mut shelf);
            *ring_bytes += ring.bytes();
            tiers.iter_mut().for_each(|tier| tier.settle(&mut shelf));
        }
    }

    /// Hands rows that filled a block on the disk to the chart's tiers.
    pub(crate) fn feed_late(&mut self, host: &Host, slot: ChartSlot, start_s: i64, filled: &[u32], stride: usize) {
        let Self { charts, slabs, repairs, scratch, journal, .. } = self;
        let Some(Chart { ring, tiers, number, .. }) = charts.get_mut(slot.0 as usize) else { return };
        let filled = Part { rows: filled, stride, start_s, every_s: ring.every_s };
        let journal = noting(journal.as_deref_mut(), slot, *number);
        tier::feed_late_rows(&filled, &mut shelf(host, slabs, repairs, &mut scratch.block, journal, tiers));
    }
}

fn check_chart(definition: &ChartDefinition<'_>) -> Result<(), DefineError> {
    let texts = [
        definition.id,
        definition.name,
        definition.title,
        definition.units,
        definition.family,
        definition.context,
        definition.plugin,
        definition.module,
    ];
    if texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
        return Err(DefineError::Text);
    }
    match definition.id.split_once('.') {
        Some((kind, rest)) if !kind.is_empty() && !rest.is_empty() => Ok(()),
        _ => Err(DefineError::ChartId),
    }
}

/// Sets a variable; returns whether that changed anything.
fn set_variable(
    variables: &mut Vec<(Arc<str>, f64)>,
    name: &str,
    value: f64,
    intern: impl Fn(&str) -> Arc<str>,
) -> bool {
    if !value.is_finite() || name.is_empty() || name.len() > TEXT_BYTES_MAX {
        return false;
    }
    if let Some((_, known)) = variables.iter_mut().find(|(known, _)| &**known == name) {
        return std::mem::replace(known, value) != value;
    }
    if variables.len() >= LABELS_MAX {
        return false;
    }
    variables.push((intern(name), value));
    true
}
