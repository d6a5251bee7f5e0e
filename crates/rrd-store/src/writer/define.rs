//! Definitions: charts, dimensions, labels, variables and functions of a host, as they come.

use std::sync::Arc;

use row::{
    ChartDefinition, ChartOptions, ChartSlot, DimensionDefinition, DimensionIndex, FunctionDefinition, Guid, Label,
};

use super::{Writer, noting, shelf};
use crate::chart::{Chart, DimensionTexts, OwnedFunction, OwnedLabel, id_hash};
use crate::collection::Dimension;
use crate::host::HostState;
use crate::{
    CHARTS_PER_HOST_MAX, DIMENSIONS_PER_CHART_MAX, DIMENSIONS_PER_HOST_MAX, FUNCTIONS_MAX, LABELS_MAX, TEXT_BYTES_MAX,
    UPDATE_EVERY_MAX_S,
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

impl Writer<'_> {
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
        let HostState { charts, slabs, repairs, scratch, journal, .. } = &mut *self.state;
        let Chart { ring, tiers, number, .. } = &mut charts[slot.0 as usize];
        let journal = noting(journal.as_deref_mut(), slot, *number);
        ring.hand_over(&mut shelf(self.plan, slabs, repairs, &mut scratch.block, journal, tiers));
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
    pub(super) fn add_dimension(
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
        let known = chart.texts.variables.len();
        if set_variable(&mut chart.texts.variables, name, value, |name| self.host.interner().get(name)) {
            chart.variables_changed = true;
            let is_new = chart.texts.variables.len() > known;
            self.state.changes += u64::from(is_new);
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
            self.state.changes += 1;
        }
    }

    /// Sets a variable of the host.
    pub fn set_host_variable(&mut self, name: &str, value: f64) {
        let known = self.state.variables.len();
        if set_variable(&mut self.state.variables, name, value, |name| self.host.interner().get(name)) {
            self.state.host_changed = true;
            self.state.changes += u64::from(self.state.variables.len() > known);
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

    pub(super) fn mark_changed(&mut self, slot: ChartSlot) {
        if let Some(journal) = &mut self.state.journal {
            journal.changed(slot);
        }
        self.state.changes += 1;
        let chart = &mut self.state.charts[slot.0 as usize];
        if !std::mem::replace(&mut chart.changed, true) {
            self.state.changed_charts.push(slot);
        }
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
