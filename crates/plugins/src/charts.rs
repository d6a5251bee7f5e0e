//! The charts that a plugin has defined on one host, and where they are in the store.
//!
//! A plugin defines a chart once and may let it rest for hours, after which the store lets go of it. So
//! the lines that defined it are remembered, and say it again with the next row.
//!
//! Rows name charts and dimensions in the order of their definition, nearly always: the one behind the
//! last is tried first.

use std::collections::HashMap;

use protocol::{Command as Common, Decoder, Limits};
use row::{ChartDefinition, ChartSlot, DimensionDefinition, DimensionIndex, Label};
use rrd_store::{ChartView, DefineError, HostView, Writer};

use crate::command::{self, Command};

/// Charts of one plugin.
pub(crate) const CHARTS_MAX: usize = 10_000;
/// Dimensions of one of its charts.
pub(crate) const DIMENSIONS_PER_CHART_MAX: usize = 2_000;
/// Dimensions of one plugin.
pub(crate) const DIMENSIONS_MAX: usize = 100_000;

/// A label, owned: name, value, source.
pub(crate) type OwnedLabel = (String, String, u32);

/// The charts of a plugin on one host.
#[derive(Debug, Default)]
pub(crate) struct Charts {
    all: Vec<Chart>,
    places: HashMap<Box<str>, usize>,
    /// The host's removals and births when slots were last known to mean what they meant.
    removals: u64,
    births: u64,
}

/// A chart as the plugin defined it.
#[derive(Debug)]
pub(crate) struct Chart {
    id: Box<str>,
    name: Box<str>,
    /// The line that defined it.
    line: Box<[u8]>,
    labels: Vec<OwnedLabel>,
    dimensions: Vec<Dimension>,
    /// Where it is; `None` until it is said again.
    slot: Option<ChartSlot>,
    /// Dimensions beyond the limit were left out.
    is_full: bool,
}

#[derive(Debug)]
struct Dimension {
    id: Box<str>,
    line: Box<[u8]>,
    /// Where it is, as long as the chart has a slot.
    index: DimensionIndex,
}

/// What chart lines leave open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults<'a> {
    /// The plugin's file name.
    pub(crate) plugin: &'a str,
    /// Seconds between its rows.
    pub(crate) update_every_s: u32,
}

impl Charts {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// Takes into account which charts and dimensions left the host since the last batch: their places may
    /// be others' now.
    pub(crate) fn open(&mut self, host: &HostView<'_>) {
        if std::mem::replace(&mut self.removals, host.removals()) == host.removals() {
            return;
        }
        let births = self.births;
        let stays = |slot: &ChartSlot| {
            let is_whole = |chart: &ChartView<'_>| chart.dimensions().all(|dimension| !dimension.id.is_empty());
            let chart = host.chart(*slot).filter(|chart| chart.born().max(chart.laid_out()) <= births);
            chart.is_some_and(|chart| is_whole(&chart))
        };
        self.all.iter_mut().for_each(|chart| chart.slot = chart.slot.filter(stays));
    }

    /// Notes up to where slots are known, at the end of a batch.
    pub(crate) fn close(&mut self, host: &HostView<'_>) {
        self.births = host.births();
    }

    /// The chart with this id or name, tried first at `guess`.
    pub(crate) fn find(&self, id: &[u8], guess: usize) -> Option<usize> {
        if self.all.get(guess).is_some_and(|chart| chart.id.as_bytes() == id) {
            return Some(guess);
        }
        let id = std::str::from_utf8(id).ok()?;
        let named = || self.all.iter().position(|chart| !chart.name.is_empty() && *chart.name == *id);
        self.places.get(id).copied().or_else(named)
    }

    pub(crate) fn get(&mut self, place: usize) -> &mut Chart {
        &mut self.all[place]
    }

    /// Defines a chart, or changes it. The line is the one that `definition` was read from.
    pub(crate) fn define(
        &mut self,
        writer: &mut Writer<'_>,
        definition: &ChartDefinition<'_>,
        line: &[u8],
        defaults: Defaults<'_>,
    ) -> Result<usize, DefineError> {
        let slot = define(writer, definition, defaults)?;
        let place = self.places.get(definition.id).copied().unwrap_or(self.all.len());
        if let Some(chart) = self.all.get_mut(place) {
            (chart.line, chart.name) = (line.into(), full_name(definition).into());
            // What was let go is said again as a whole, with the next row.
            chart.slot = chart.slot.filter(|known| *known == slot);
            return Ok(place);
        }
        self.all.push(Chart {
            id: definition.id.into(),
            name: full_name(definition).into(),
            line: line.into(),
            labels: Vec::new(),
            dimensions: Vec::new(),
            slot: Some(slot),
            is_full: false,
        });
        self.places.insert(definition.id.into(), place);
        Ok(place)
    }
}

impl Chart {
    pub(crate) fn slot(&self) -> Option<ChartSlot> {
        self.slot
    }

    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// The dimension with this id, tried first at `guess`.
    #[inline]
    pub(crate) fn find_dimension(&self, id: &[u8], guess: usize) -> Option<usize> {
        let is_it = |dimension: &Dimension| dimension.id.as_bytes() == id;
        if self.dimensions.get(guess).is_some_and(is_it) {
            return Some(guess);
        }
        self.dimensions.iter().position(is_it)
    }

    /// Defines a dimension, or changes it, where there is `room` for one more of the plugin; it is tried
    /// first at `guess`. Returns whether it is new.
    pub(crate) fn define_dimension(
        &mut self,
        writer: &mut Writer<'_>,
        definition: &DimensionDefinition<'_>,
        line: &[u8],
        guess: usize,
        room: bool,
    ) -> Result<bool, DefineError> {
        let known = self.find_dimension(definition.id.as_bytes(), guess);
        if known.is_none() && (!room || self.dimensions.len() >= DIMENSIONS_PER_CHART_MAX) {
            self.is_full = true;
            return Ok(false);
        }
        let index = self.slot.map(|slot| writer.define_dimension(slot, definition)).transpose()?.unwrap_or(0);
        match known {
            Some(place) => self.dimensions[place] = Dimension { index, line: line.into(), id: definition.id.into() },
            None => self.dimensions.push(Dimension { id: definition.id.into(), line: line.into(), index }),
        }
        Ok(known.is_none())
    }

    /// Replaces its labels.
    pub(crate) fn set_labels(&mut self, writer: &mut Writer<'_>, labels: Vec<OwnedLabel>) {
        self.labels = labels;
        if let Some(slot) = self.slot {
            with_labels(&self.labels, |labels| writer.set_chart_labels(slot, labels));
        }
    }

    /// Says a chart again that the host let go.
    pub(crate) fn define_again(&mut self, writer: &mut Writer<'_>, defaults: Defaults<'_>) -> Result<(), DefineError> {
        let mut decoder = Decoder::new(Limits::default());
        let Ok(Some(Command::Common(Common::Chart { ref definition, .. }))) = command::read(&self.line, &mut decoder)
        else {
            return Err(DefineError::UnknownChart);
        };
        let slot = define(writer, definition, defaults)?;
        for dimension in &mut self.dimensions {
            if let Ok(Some(Command::Dimension(definition))) = command::read(&dimension.line, &mut decoder) {
                dimension.index = writer.define_dimension(slot, &definition)?;
            }
        }
        with_labels(&self.labels, |labels| writer.set_chart_labels(slot, labels));
        self.slot = Some(slot);
        Ok(())
    }

    /// Writes a row: values by the place of their dimension. The chart has a slot.
    pub(crate) fn write(&self, writer: &mut Writer<'_>, values: &[(usize, i64)], elapsed: rrd_store::Elapsed) {
        let Some(slot) = self.slot else { return };
        writer.begin(slot);
        for &(place, value) in values {
            if let Some(dimension) = self.dimensions.get(place) {
                writer.set(dimension.index, value);
            }
        }
        writer.end(elapsed);
    }
}

fn define(
    writer: &mut Writer<'_>,
    definition: &ChartDefinition<'_>,
    defaults: Defaults<'_>,
) -> Result<ChartSlot, DefineError> {
    let name = full_name(definition);
    let or = |every_s: u32, default_s| if every_s == 0 { default_s } else { every_s };
    writer.define_chart(&ChartDefinition {
        name: &name,
        update_every_s: or(definition.update_every_s, defaults.update_every_s),
        plugin: plugin(definition, defaults),
        family: if definition.family.is_empty() { id_of(definition) } else { definition.family },
        ..*definition
    })
}

/// The plugin that a chart is said to be of.
pub(crate) fn plugin<'a>(definition: &ChartDefinition<'a>, defaults: Defaults<'a>) -> &'a str {
    if definition.plugin.is_empty() { defaults.plugin } else { definition.plugin }
}

/// The id without its type.
fn id_of<'a>(definition: &ChartDefinition<'a>) -> &'a str {
    definition.id.split_once('.').map_or(definition.id, |(_, rest)| rest)
}

/// The name with its type, as the store wants it; lines have it without.
fn full_name(definition: &ChartDefinition<'_>) -> String {
    let kind = definition.id.split_once('.').map_or("", |(kind, _)| kind);
    if definition.name.is_empty() { String::new() } else { format!("{kind}.{}", definition.name) }
}

pub(crate) fn with_labels(labels: &[OwnedLabel], f: impl FnOnce(&[Label<'_>])) {
    let borrowed: Vec<_> = labels.iter().map(|(name, value, source)| Label { name, value, source: *source }).collect();
    f(&borrowed);
}
