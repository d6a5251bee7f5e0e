//! Variables of expressions: what a name stands for, found once when an alarm is bound.
//!
//! The order: what every alarm has, its own chart, charts of its family, the host.

use std::collections::HashMap;
use std::sync::Arc;

use row::{ChartSlot, DimensionIndex, US_PER_S};
use rrd_store::{ChartView, HostView};

use super::alarm::Alarm;
use super::facts::{Chart, Facts};
use crate::files::Definition;

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reference {
    This,
    Status,
    Now,
    After,
    Before,
    Number(f64),
    Dimension(ChartSlot, DimensionIndex, Of),
    LastCollected(ChartSlot),
    ChartVariable(ChartSlot, Arc<str>),
    HostVariable(Arc<str>),
    /// Another alarm of the host, by its place.
    Alarm(usize),
    /// Nobody knows it.
    Unknown,
}

/// What of a dimension is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The newest stored value.
    Stored,
    /// The last collected one.
    Raw,
    /// When it was collected last.
    LastCollected,
}

/// What names are looked up in.
pub(super) struct Scope<'s> {
    facts: &'s Facts,
    alarms: &'s [Alarm],
    by_name: HashMap<&'s str, Vec<usize>>,
}

impl<'s> Scope<'s> {
    pub(super) fn new(facts: &'s Facts, alarms: &'s [Alarm]) -> Self {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, alarm) in alarms.iter().enumerate() {
            by_name.entry(&*alarm.name).or_default().push(place);
        }
        Self { facts, alarms, by_name }
    }

    /// What a name in a definition's expressions on a chart stands for.
    pub(super) fn resolve(&self, name: &str, definition: &Definition, chart: &Chart) -> Reference {
        let threshold = match name {
            "green" => definition.green,
            "red" => definition.red,
            _ => None,
        };
        let found = built_in(name)
            .or_else(|| threshold.map(Reference::Number))
            .or_else(|| self.of_chart(chart, name))
            .or_else(|| self.of_family(chart, name))
            .or_else(|| self.of_host(name));
        found.unwrap_or(Reference::Unknown)
    }

    /// What a chart has by that name.
    fn of_chart(&self, chart: &Chart, name: &str) -> Option<Reference> {
        let suffixes = [("", Of::Stored), ("_raw", Of::Raw), ("_last_collected_t", Of::LastCollected)];
        let dimension = suffixes.into_iter().find_map(|(suffix, of)| {
            let index = chart.dimension(name.strip_suffix(suffix)?)?;
            Some(Reference::Dimension(chart.slot, index as DimensionIndex, of))
        });
        let own = || match name {
            "last_collected_t" => Some(Reference::LastCollected(chart.slot)),
            "update_every" => Some(Reference::Number(f64::from(chart.every_s))),
            "green" => self.threshold(chart, |definition| definition.green),
            "red" => self.threshold(chart, |definition| definition.red),
            _ => {
                let is_variable = chart.variables.iter().any(|known| known == name);
                is_variable.then(|| Reference::ChartVariable(chart.slot, name.into()))
            }
        };
        dimension.or_else(own).or_else(|| self.alarm(chart, name))
    }

    /// The threshold of the chart's first alarm that has one: others on the chart see it, too.
    fn threshold(&self, chart: &Chart, which: impl Fn(&Definition) -> Option<f64>) -> Option<Reference> {
        let mut of_chart = self.alarms.iter().filter(|alarm| alarm.slot == chart.slot);
        of_chart.find_map(|alarm| which(&alarm.definition)).map(Reference::Number)
    }

    fn alarm(&self, chart: &Chart, name: &str) -> Option<Reference> {
        let mut places = self.by_name.get(name).into_iter().flatten();
        places.find(|&&place| self.alarms[place].slot == chart.slot).map(|&place| Reference::Alarm(place))
    }

    /// The charts of the family: dimensions and alarms by their names, or behind that of a context or chart.
    fn of_family(&self, chart: &Chart, name: &str) -> Option<Reference> {
        let charts = || self.facts.of_family(&chart.family);
        let plain = charts().find_map(|chart| {
            let dimension = chart.dimension(name);
            let stored = |index| Reference::Dimension(chart.slot, index as DimensionIndex, Of::Stored);
            dimension.map(stored).or_else(|| self.alarm(chart, name))
        });
        plain.or_else(|| {
            parts(name).find_map(|(of, name)| {
                let mut meant = charts().filter(|chart| chart.context == of || chart.id == of || chart.name == of);
                meant.find_map(|chart| self.of_chart(chart, name))
            })
        })
    }

    fn of_host(&self, name: &str) -> Option<Reference> {
        if self.facts.variables.iter().any(|known| known == name) {
            return Some(Reference::HostVariable(name.into()));
        }
        if let Some(place) = self.by_name.get(name).and_then(|places| places.first()) {
            return Some(Reference::Alarm(*place));
        }
        parts(name).find_map(|(of, name)| {
            let mut charts = self.facts.chart(of).into_iter().chain(self.facts.of_context(of));
            charts.find_map(|chart| self.of_chart(chart, name))
        })
    }
}

/// What every alarm has.
fn built_in(name: &str) -> Option<Reference> {
    Some(match name {
        "this" => Reference::This,
        "status" => Reference::Status,
        "now" => Reference::Now,
        "after" => Reference::After,
        "before" => Reference::Before,
        _ => return None,
    })
}

/// A name split at each dot, from the right; what is left of it has a dot, too.
fn parts(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.rmatch_indices('.').map(|(at, _)| (&name[..at], &name[at + 1..])).filter(|(of, _)| of.contains('.'))
}

/// Reads what a variable stands for now, under the host's lock; `None` for what nobody knows.
pub(super) fn value(
    reference: &Reference,
    alarm: &Alarm,
    alarms: &[Alarm],
    now_s: i64,
    host: &HostView<'_>,
) -> Option<f64> {
    Some(match reference {
        Reference::This => alarm.state.value,
        Reference::Status => f64::from(alarm.state.status as i8),
        Reference::Now => now_s as f64,
        Reference::After => alarm.state.window_s.0 as f64,
        Reference::Before => alarm.state.window_s.1 as f64,
        Reference::Number(number) => *number,
        Reference::Dimension(slot, index, of) => {
            let chart = host.chart(*slot)?;
            let state = chart.dimension_state(*index)?;
            match of {
                Of::Stored if state.stored.is_empty() => f64::NAN,
                Of::Stored => state.stored.unpack(),
                Of::Raw => state.collected as f64,
                Of::LastCollected => last_collected_s(&chart) as f64,
            }
        }
        Reference::LastCollected(slot) => last_collected_s(&host.chart(*slot)?) as f64,
        Reference::ChartVariable(slot, name) => {
            host.chart(*slot)?.variables().find(|(known, _)| **known == **name).map(|(_, value)| value)?
        }
        Reference::HostVariable(name) => {
            host.variables().find(|(known, _)| **known == **name).map(|(_, value)| value)?
        }
        Reference::Alarm(place) => alarms.get(*place)?.state.value,
        Reference::Unknown => return None,
    })
}

/// When a chart was collected last; where only stored values come, its last row.
pub(super) fn last_collected_s(chart: &ChartView<'_>) -> i64 {
    (chart.state().collected_us / US_PER_S).max(chart.last_s())
}
