//! The definitions in force, in the order in which they win.

use std::collections::HashMap;
use std::sync::Arc;

use super::facts::{Chart, Facts};
use super::watch::HostFacts;
use crate::files::{Definition, On};

/// All definitions, indexed by what they are on.
#[derive(Debug, Default)]
pub struct Rules {
    by_chart: HashMap<String, Vec<Arc<Definition>>>,
    by_context: HashMap<String, Vec<Arc<Definition>>>,
    count: usize,
}

impl Rules {
    /// Takes definitions over, those that win first.
    #[must_use]
    pub fn new(definitions: Vec<Definition>) -> Self {
        let mut rules = Self { count: definitions.len(), ..Self::default() };
        for definition in definitions {
            let (index, key) = match &definition.on {
                On::Chart(chart) => (&mut rules.by_chart, chart.clone()),
                On::Context(context) => (&mut rules.by_context, context.clone()),
            };
            index.entry(key).or_default().push(Arc::new(definition));
        }
        rules
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The definitions that apply to a chart: of each name the first one, alarms before templates.
    pub(super) fn of_chart<'r>(&'r self, host: &HostFacts, facts: &Facts, chart: &Chart) -> Vec<&'r Arc<Definition>> {
        let alarms = |name: &str| self.by_chart.get(name).into_iter().flatten();
        let by_name = if chart.name == chart.id { "" } else { &*chart.name };
        let templates = self.by_context.get(&chart.context).into_iter().flatten();
        let mut applying: Vec<&Arc<Definition>> = Vec::new();
        for definition in alarms(&chart.id).chain(alarms(by_name)).chain(templates) {
            let is_new = applying.iter().all(|known| known.name != definition.name);
            if is_new && applies(definition, host, facts, chart) {
                applying.push(definition);
            }
        }
        applying
    }
}

fn applies(definition: &Definition, host: &HostFacts, facts: &Facts, chart: &Chart) -> bool {
    let fits = |pattern: &Option<patterns::SimplePattern>, text: &str| {
        pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
    };
    let of_host = |name: &str| match name {
        "_os" => facts.label(name).or(Some(&host.os)),
        "_hostname" => facts.label(name).or(Some(&host.hostname)),
        _ => facts.label(name),
    };
    let of_chart = |name: &str| match name {
        "_collect_plugin" => chart.label(name).or(Some(&chart.plugin)),
        "_collect_module" => chart.label(name).or(Some(&chart.module)),
        _ => chart.label(name),
    };
    fits(&definition.os, &host.os)
        && fits(&definition.hosts, &host.hostname)
        && fits(&definition.plugin, &chart.plugin)
        && fits(&definition.module, &chart.module)
        && fits(&definition.families, &chart.family)
        && (fits(&definition.charts, &chart.id) || fits(&definition.charts, &chart.name))
        && definition.host_labels.as_ref().is_none_or(|labels| labels.matches(of_host))
        && definition.chart_labels.as_ref().is_none_or(|labels| labels.matches(of_chart))
}
