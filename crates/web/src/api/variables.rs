//! `alarm_variables`: what the expressions of alarms on a chart can name, and what that is now.

use std::collections::{HashMap, HashSet};

use row::{ChartSlot, US_PER_S};
use rrd_store::{ChartView, Host};

use super::alarms::{self, OfChart};
use crate::Node;
use crate::json::Json;

/// Charts copied under one hold of the host's lock.
const CHARTS_AT_ONCE: u32 = 64;

/// A chart as expressions see it.
struct Chart {
    id: String,
    name: String,
    context: String,
    family: String,
    /// What is not of a dimension: the chart's variables first.
    own: Vec<(String, f64)>,
    /// Ids, names, and what they are worth: stored, collected, and when.
    dimensions: Vec<(String, String, [f64; 3])>,
    /// Names of alarms, and their values.
    alarms: Vec<(String, f64)>,
}

/// What a name of a dimension ends with, in the order of its values.
const SUFFIXES: [&str; 3] = ["", "_raw", "_last_collected_t"];

impl Chart {
    fn of(view: &ChartView<'_>) -> Self {
        let definition = view.definition();
        let collected_s = (view.state().collected_us / US_PER_S).max(view.last_s()) as f64;
        let mut own: Vec<_> = view.variables().map(|(name, value)| (name.to_owned(), value)).collect();
        own.push(("last_collected_t".into(), collected_s));
        own.push(("update_every".into(), f64::from(view.update_every_s())));
        let dimension = |(index, dimension): (u32, row::DimensionDefinition<'_>)| {
            let state = view.dimension_state(index)?;
            let stored = if state.stored.is_empty() { f64::NAN } else { state.stored.unpack() };
            Some((dimension.id.into(), dimension.name.into(), [stored, state.collected as f64, collected_s]))
        };
        Self {
            id: definition.id.into(),
            name: view.name().into(),
            context: definition.context.into(),
            family: definition.family.into(),
            own,
            dimensions: (0..).zip(view.dimensions()).filter_map(dimension).collect(),
            alarms: Vec::new(),
        }
    }

    fn take(&mut self, alarms: OfChart) {
        let before_the_last = self.own.len() - 1;
        let thresholds = [("green".into(), alarms.green), ("red".into(), alarms.red)];
        self.own.splice(before_the_last..before_the_last, thresholds);
        self.alarms = alarms.alarms.into_iter().map(|alarm| (alarm.name.to_string(), alarm.value)).collect();
    }

    /// The values of its dimensions by each of their names.
    fn of_dimensions(&self) -> impl Iterator<Item = (String, f64)> + use<'_> {
        self.dimensions.iter().flat_map(|(id, name, values)| {
            let names = [id, name].into_iter().filter(|name| !name.is_empty()).take(if id == name { 1 } else { 2 });
            names.flat_map(move |name| {
                SUFFIXES.iter().zip(values).map(move |(end, value)| (format!("{name}{end}"), *value))
            })
        })
    }

    /// Behind the id of the chart, and behind its name.
    fn prefixed(&self, name: &str) -> impl Iterator<Item = String> + use<'_> {
        let name = name.to_owned();
        let prefixes = [&self.id, &self.name].into_iter().take(if self.id == self.name { 1 } else { 2 });
        prefixes.map(move |prefix| format!("{prefix}.{name}"))
    }
}

/// The answer for the chart with this id or name; `None` where there is none.
pub(super) fn answer(node: &Node, host: &Host, id_or_name: &str) -> Option<Vec<u8>> {
    let id = host.read(|view| view.find_chart(id_or_name).map(|chart| chart.definition().id.to_owned()))?;
    let (charts, variables) = copy(host, &mut alarms::by_chart(node, host));
    let chart = charts.iter().find(|chart| chart.id == id)?;
    let mut json = Json::with_capacity(4_096);
    json.object(|json| {
        json.key("chart").text(&chart.id);
        json.key("chart_name").text(&chart.name);
        json.key("chart_context").text(&chart.context);
        let own = chart.own.iter().chain(&chart.alarms).cloned();
        write(json, "chart_variables", own.chain(chart.of_dimensions()));
        json.key("family").text(&chart.family);
        let family = charts.iter().filter(|other| other.family == chart.family);
        write(json, "family_variables", family.flat_map(of_family));
        json.key("host").text(&host.info().hostname);
        write(json, "host_variables", variables.into_iter().chain(charts.iter().flat_map(of_host)));
    });
    Some(json.finish())
}

/// What a chart adds to its family: dimensions by name, also behind the context; alarms by name.
fn of_family(chart: &Chart) -> Vec<(String, f64)> {
    let own = chart.own.iter().flat_map(|(name, value)| chart.prefixed(name).map(|name| (name, *value)));
    let dimensions = chart.of_dimensions().flat_map(|(name, value)| {
        let behind = format!("{}.{name}", chart.context);
        [(name, value), (behind, value)]
    });
    own.chain(chart.alarms.iter().cloned()).chain(dimensions).collect()
}

/// What a chart adds to its host: all that it has, behind its id and its name.
fn of_host(chart: &Chart) -> Vec<(String, f64)> {
    let own = chart.own.iter().chain(&chart.alarms).cloned().chain(chart.of_dimensions());
    own.flat_map(|(name, value)| chart.prefixed(&name).map(move |name| (name, value))).collect()
}

/// All charts, and the host's variables.
fn copy(host: &Host, alarms: &mut HashMap<String, OfChart>) -> (Vec<Chart>, Vec<(String, f64)>) {
    let mut charts: Vec<Chart> = Vec::new();
    let (variables, end) = host.read(|view| {
        let variables: Vec<_> = view.variables().map(|(name, value)| (name.to_owned(), value)).collect();
        (variables, view.slots_end())
    });
    for first in (0..end).step_by(CHARTS_AT_ONCE as usize) {
        host.read(|view| {
            let slots = (first..(first + CHARTS_AT_ONCE).min(end)).map(ChartSlot);
            charts.extend(slots.filter_map(|slot| view.chart(slot)).map(|chart| Chart::of(&chart)));
        });
    }
    charts.iter_mut().for_each(|chart| chart.take(alarms.remove(&chart.id).unwrap_or_default()));
    (charts, variables)
}

/// Of a name that comes more than once the first one counts.
fn write(json: &mut Json, key: &str, variables: impl Iterator<Item = (String, f64)>) {
    let mut seen = HashSet::new();
    json.key(key).object(|json| {
        for (name, value) in variables {
            if seen.insert(name.clone()) {
                json.key(&name);
                if value.is_finite() { json.raw(format!("{value:.5}").as_bytes()) } else { json.null() }
            }
        }
    });
}
