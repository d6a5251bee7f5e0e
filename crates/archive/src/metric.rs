//! Metrics: what an archive's name of a metric says of the chart behind it.
//!
//! A name is `PREFIX_CONTEXT_UNITS_average`, with everything but letters, digits and `_` lost. So it is looked
//! up among the charts that this node knows: most machines have the same ones.

use std::collections::HashMap;

use export::{write_name, write_units};
use row::{ChartDefinition, ChartType};
use rrd_store::{ChartView, Host};

/// What is known of charts, by the part of their metrics' names that is their own.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<String, About>);

/// What the charts of a context share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) context: String,
    pub(crate) units: String,
    pub(crate) title: String,
    pub(crate) chart_type: ChartType,
    pub(crate) priority: i32,
    pub(crate) update_every_s: u32,
}

impl Known {
    /// What the charts of a host tell.
    pub(crate) fn of(host: &Host) -> Self {
        let mut all = HashMap::new();
        host.read(|view| {
            for chart in view.charts() {
                let definition = chart.definition();
                all.entry(own_name(&chart)).or_insert_with(|| About::of(&definition));
            }
        });
        Self(all)
    }

    /// What a metric's name says.
    pub(crate) fn about(&self, metric: &str, chart: &str) -> About {
        let name = metric.strip_suffix("_average").unwrap_or(metric);
        // How long the prefix is, nobody says.
        let ends = name.match_indices('_').map(|(at, _)| &name[at + 1..]);
        let known = ends.clone().find_map(|own| self.0.get(own));
        known.cloned().unwrap_or_else(|| guess(ends.clone().next().unwrap_or(name), chart))
    }
}

fn own_name(chart: &ChartView<'_>) -> String {
    let definition = chart.definition();
    let mut name = Vec::new();
    write_name(&mut name, definition.context);
    write_units(&mut name, definition.units);
    String::from_utf8(name).unwrap_or_default()
}

/// Of a context that nothing here has: the chart's id is it, if the name begins so, and units follow.
fn guess(own: &str, chart: &str) -> About {
    let mut id = Vec::new();
    write_name(&mut id, chart);
    let id = String::from_utf8(id).unwrap_or_default();
    let units = own.strip_prefix(&*id).map(|units| units.trim_start_matches('_'));
    About {
        context: if units.is_some() { chart.to_owned() } else { own.to_owned() },
        units: units.unwrap_or_default().replace("_persec", "/s"),
        title: chart.to_owned(),
        chart_type: ChartType::default(),
        priority: ChartDefinition::default().priority,
        // The usual: what the archive has is the same for all seconds of a point.
        update_every_s: 1,
    }
}

impl About {
    fn of(definition: &ChartDefinition<'_>) -> Self {
        Self {
            context: definition.context.to_owned(),
            units: definition.units.to_owned(),
            title: definition.title.to_owned(),
            chart_type: definition.chart_type,
            priority: definition.priority,
            update_every_s: definition.update_every_s,
        }
    }
}
