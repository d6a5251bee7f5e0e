//! What binding needs to know of a host's charts, copied from under its lock.

use std::collections::HashMap;

use row::{ChartOptions, ChartSlot};
use rrd_store::{ChartView, Host};

/// Charts copied under one hold of a host's lock.
const CHARTS_AT_ONCE: u32 = 64;

/// A chart as definitions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) slot: ChartSlot,
    pub(super) born: u64,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) context: String,
    pub(super) family: String,
    pub(super) units: String,
    pub(super) plugin: String,
    pub(super) module: String,
    pub(super) every_s: u32,
    pub(super) is_obsolete: bool,
    pub(super) labels: Vec<(String, String)>,
    /// Ids and names, by index.
    pub(super) dimensions: Vec<(String, String)>,
    pub(super) variables: Vec<String>,
}

impl Chart {
    fn of(view: &ChartView<'_>) -> Self {
        let definition = view.definition();
        let text = |text: &str| text.to_owned();
        Self {
            slot: view.slot(),
            born: view.born(),
            id: text(definition.id),
            name: text(definition.name),
            context: text(definition.context),
            family: text(definition.family),
            units: text(definition.units),
            plugin: text(definition.plugin),
            module: text(definition.module),
            every_s: view.update_every_s(),
            is_obsolete: definition.options.has(ChartOptions::OBSOLETE),
            labels: view.labels().map(|label| (text(label.name), text(label.value))).collect(),
            dimensions: view.dimensions().map(|dimension| (text(dimension.id), text(dimension.name))).collect(),
            variables: view.variables().map(|(name, _)| text(name)).collect(),
        }
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The index of a dimension by its id or, where there is none, its name.
    pub(super) fn dimension(&self, name: &str) -> Option<usize> {
        let by = |which: fn(&(String, String)) -> &String| {
            self.dimensions.iter().position(|dimension| !name.is_empty() && which(dimension) == name)
        };
        by(|(id, _)| id).or_else(|| by(|(_, name)| name))
    }
}

/// A host as definitions see it, while they are bound.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The host's counts of changes and removals when all of this was so; `None` where something was
    /// removed meanwhile, so that slots may mean something else.
    pub(super) seen: Option<(u64, u64)>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) variables: Vec<String>,
    pub(super) charts: Vec<Chart>,
    by_id: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
    by_family: HashMap<String, Vec<usize>>,
    by_context: HashMap<String, Vec<usize>>,
}

impl Facts {
    /// Copies what there is, some charts under each hold of the lock.
    pub(super) fn of(host: &Host) -> Self {
        let mut facts = Self::default();
        let (seen, end) = host.read(|view| {
            facts.labels = view.labels().map(|label| (label.name.to_owned(), label.value.to_owned())).collect();
            facts.variables = view.variables().map(|(name, _)| name.to_owned()).collect();
            ((view.changes(), view.removals()), view.slots_end())
        });
        let mut is_same = true;
        for first in (0..end).step_by(CHARTS_AT_ONCE as usize) {
            host.read(|view| {
                let slots = (first..(first + CHARTS_AT_ONCE).min(end)).map(ChartSlot);
                facts.charts.extend(slots.filter_map(|slot| view.chart(slot)).map(|chart| Chart::of(&chart)));
                is_same &= view.removals() == seen.1;
            });
        }
        facts.seen = is_same.then_some(seen);
        facts.index();
        facts
    }

    fn index(&mut self) {
        for (at, chart) in self.charts.iter().enumerate() {
            self.by_id.insert(chart.id.clone(), at);
            if !chart.name.is_empty() {
                self.by_name.entry(chart.name.clone()).or_insert(at);
            }
            self.by_family.entry(chart.family.clone()).or_default().push(at);
            self.by_context.entry(chart.context.clone()).or_default().push(at);
        }
    }

    /// The chart with this id or, where there is none, this name.
    pub(super) fn chart(&self, id_or_name: &str) -> Option<&Chart> {
        self.by_id.get(id_or_name).or_else(|| self.by_name.get(id_or_name)).map(|&at| &self.charts[at])
    }

    pub(super) fn of_family(&self, family: &str) -> impl Iterator<Item = &Chart> {
        self.by_family.get(family).into_iter().flatten().map(|&at| &self.charts[at])
    }

    pub(super) fn of_context(&self, context: &str) -> impl Iterator<Item = &Chart> {
        self.by_context.get(context).into_iter().flatten().map(|&at| &self.charts[at])
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}
