//! One chart as the API describes it: copied under its host's lock, written outside.

use row::{ChartOptions, ChartType, DimensionOptions};
use rrd_store::ChartView;

use super::alarms::OfChart;
use crate::json::Json;

/// A copy of what the API tells of a chart.
pub(super) struct ChartCopy {
    id: String,
    name: String,
    title: String,
    units: String,
    family: String,
    context: String,
    plugin: String,
    module: String,
    chart_type: ChartType,
    priority: i32,
    update_every_s: u32,
    first_s: i64,
    last_s: i64,
    /// Ids and names of those that are shown.
    dimensions: Vec<(String, String)>,
    labels: Vec<(String, String)>,
    variables: Vec<(String, f64)>,
}

/// Whether a chart is listed.
pub(super) fn is_listed(chart: &ChartView<'_>) -> bool {
    let unlisted = ChartOptions::HIDDEN.0 | ChartOptions::OBSOLETE.0;
    chart.definition().options.0 & unlisted == 0 && chart.dimensions().len() > 0
}

impl ChartCopy {
    pub(super) fn of(chart: &ChartView<'_>) -> Self {
        let definition = chart.definition();
        let hidden = DimensionOptions::HIDDEN.0 | DimensionOptions::OBSOLETE.0;
        let shown = chart.dimensions().filter(|dimension| dimension.options.0 & hidden == 0);
        Self {
            id: definition.id.into(),
            name: chart.name().into(),
            title: definition.title.into(),
            units: definition.units.into(),
            family: definition.family.into(),
            context: definition.context.into(),
            plugin: definition.plugin.into(),
            module: definition.module.into(),
            chart_type: definition.chart_type,
            priority: definition.priority,
            update_every_s: definition.update_every_s,
            first_s: chart.oldest_s(),
            last_s: chart.last_s(),
            dimensions: shown.map(|dimension| (dimension.id.into(), dimension.name.into())).collect(),
            labels: chart.labels().map(|label| (label.name.into(), label.value.into())).collect(),
            variables: chart.variables().map(|(name, value)| (name.into(), value)).collect(),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions.len()
    }

    pub(super) fn write(&self, json: &mut Json, alarms: &OfChart) {
        let kind = self.id.split_once('.').map_or(self.id.as_str(), |(kind, _)| kind);
        json.object(|json| {
            json.key("id").text(&self.id);
            json.key("name").text(&self.name);
            json.key("type").text(kind);
            json.key("family").text(if self.family.is_empty() { kind } else { &self.family });
            json.key("context").text(&self.context);
            json.key("title").text(&format!("{} ({})", self.title, self.name));
            json.key("priority").int(i64::from(self.priority));
            json.key("plugin").text(&self.plugin);
            json.key("module").text(&self.module);
            json.key("units").text(&self.units);
            json.key("data_url").text(&format!("/api/v1/data?chart={}", self.name));
            json.key("chart_type").text(self.chart_type.word());
            self.write_times(json);
            json.key("enabled").bool(true);
            json.key("dimensions").object(|json| {
                for (id, name) in &self.dimensions {
                    json.key(id).object(|json| json.key("name").text(name));
                }
            });
            json.key("chart_variables").object(|json| {
                self.variables.iter().for_each(|(name, value)| json.key(name).double(*value));
            });
            alarms.write(json);
            json.key("chart_labels").object(|json| {
                self.labels.iter().for_each(|(name, value)| json.key(name).text(value));
            });
            json.key("functions").object(|_| ());
        });
    }

    fn write_times(&self, json: &mut Json) {
        let every_s = i64::from(self.update_every_s);
        let duration_s = if self.last_s == 0 { 0 } else { self.last_s - self.first_s + every_s };
        json.key("duration").int(duration_s);
        json.key("first_entry").int(self.first_s);
        json.key("last_entry").int(self.last_s);
        json.key("update_every").int(every_s);
    }
}
