//! What took part in an answer: hosts, contexts, charts, dimensions and labels, each with its figures.

use std::collections::BTreeMap;

use row::Guid;

use super::fold::Chart;
use crate::json::Json;

/// Figures of some values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stats {
    min: f64,
    max: f64,
    pub(super) sum: f64,
    count: u64,
}

/// Charts and dimensions that took part, and their values.
#[derive(Debug, Default)]
pub(super) struct Part {
    charts: usize,
    dimensions: usize,
    stats: Stats,
}

/// All that took part.
#[derive(Debug, Default)]
pub(super) struct Summary {
    nodes: BTreeMap<usize, (String, String, Part)>,
    contexts: BTreeMap<String, Part>,
    /// The host's number, id and name of the chart.
    pub(super) instances: Vec<(usize, String, String, Part)>,
    /// By id, with the name.
    dimensions: BTreeMap<String, (String, i32, Part)>,
    labels: BTreeMap<String, BTreeMap<String, Part>>,
    all: Part,
}

impl Stats {
    pub(super) fn add(&mut self, value: f64) {
        self.absorb(Self { min: value, max: value, sum: value, count: 1 });
    }

    pub(super) fn absorb(&mut self, other: Self) {
        match (self.count, other.count) {
            (_, 0) => (),
            (0, _) => *self = other,
            _ => {
                self.min = self.min.min(other.min);
                self.max = self.max.max(other.max);
                self.sum += other.sum;
                self.count += other.count;
            }
        }
    }

    /// Writes the figures; `all` are those of the whole answer.
    pub(super) fn write(self, json: &mut Json, all: Self) {
        json.object(|json| {
            json.key("min").double(self.min);
            json.key("max").double(self.max);
            json.key("avg").double(self.average());
            json.key("con").double(if all.sum == 0.0 { 0.0 } else { 100.0 * self.sum / all.sum });
        });
    }

    fn average(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

impl Part {
    fn add(&mut self, charts: usize, dimensions: usize, stats: Stats) {
        self.charts += charts;
        self.dimensions += dimensions;
        self.stats.absorb(stats);
    }

    /// Writes how many charts and dimensions took part, and the figures of their values.
    fn write(&self, json: &mut Json, all: &Self) {
        json.key("is").object(|json| {
            json.key("sl").count(self.charts);
            json.key("qr").count(self.charts);
        });
        self.write_dimensions(json, all);
    }

    fn write_dimensions(&self, json: &mut Json, all: &Self) {
        json.key("ds").object(|json| {
            json.key("sl").count(self.dimensions);
            json.key("qr").count(self.dimensions);
        });
        json.key("sts");
        self.stats.write(json, all.stats);
    }
}

impl Summary {
    /// Adds a chart, with the figures of each of its dimensions.
    pub(super) fn add(&mut self, chart: Chart, host: &str, guid: &Guid, dimensions: Vec<(String, String, Stats)>) {
        let mut of_chart = Part { charts: 1, dimensions: dimensions.len(), stats: Stats::default() };
        for (id, name, stats) in dimensions {
            of_chart.stats.absorb(stats);
            self.dimensions.entry(id).or_insert((name, chart.priority, Part::default())).2.add(1, 1, stats);
        }
        let (count, stats) = (of_chart.dimensions, of_chart.stats);
        let node = self.nodes.entry(chart.node).or_insert_with(|| (guid.to_string(), host.into(), Part::default()));
        node.2.add(1, count, stats);
        self.contexts.entry(chart.context).or_default().add(1, count, stats);
        for (name, value) in chart.labels {
            self.labels.entry(name).or_default().entry(value).or_default().add(1, count, stats);
        }
        self.instances.push((chart.node, chart.id, chart.name, of_chart));
        self.all.add(1, count, stats);
    }

    pub(super) const fn stats(&self) -> Stats {
        self.all.stats
    }

    pub(super) fn write(&self, json: &mut Json) {
        let all = &self.all;
        json.object(|json| {
            json.key("nodes").array(|json| {
                for (number, (guid, host, part)) in &self.nodes {
                    json.object(|json| {
                        json.key("ni").count(*number);
                        json.key("mg").text(guid);
                        json.key("nd").null();
                        json.key("nm").text(host);
                        part.write(json, all);
                    });
                }
            });
            json.key("contexts").array(|json| {
                for (id, part) in &self.contexts {
                    json.object(|json| {
                        json.key("id").text(id);
                        part.write(json, all);
                    });
                }
            });
            self.write_instances(json);
            self.write_dimensions(json);
            self.write_labels(json);
            json.key("alerts").array(|_| ());
            json.key("globals").object(|json| all.write(json, all));
        });
    }

    fn write_instances(&self, json: &mut Json) {
        json.key("instances").array(|json| {
            for (node, id, name, part) in &self.instances {
                json.object(|json| {
                    json.key("id").text(id);
                    json.key("nm").text(name);
                    json.key("ni").count(*node);
                    part.write_dimensions(json, &self.all);
                });
            }
        });
    }

    fn write_dimensions(&self, json: &mut Json) {
        json.key("dimensions").array(|json| {
            for (id, (name, priority, part)) in &self.dimensions {
                json.object(|json| {
                    json.key("id").text(id);
                    json.key("nm").text(name);
                    json.key("pri").int(i64::from(*priority));
                    part.write_dimensions(json, &self.all);
                });
            }
        });
    }

    fn write_labels(&self, json: &mut Json) {
        json.key("labels").array(|json| {
            for (name, values) in &self.labels {
                json.object(|json| {
                    json.key("id").text(name);
                    json.key("vl").array(|json| {
                        for (value, part) in values {
                            json.object(|json| {
                                json.key("id").text(value);
                                part.write(json, &self.all);
                            });
                        }
                    });
                });
            }
        });
    }

    pub(super) fn write_totals(&self, json: &mut Json) {
        let pair = |json: &mut Json, key: &str, count: usize| {
            json.key(key).object(|json| {
                json.key("sl").count(count);
                json.key("qr").count(count);
            });
        };
        json.object(|json| {
            pair(json, "nodes", self.nodes.len());
            pair(json, "contexts", self.contexts.len());
            pair(json, "instances", self.instances.len());
            pair(json, "dimensions", self.all.dimensions);
            pair(json, "label_keys", self.labels.len());
            pair(json, "label_key_values", self.labels.values().map(BTreeMap::len).sum());
        });
    }
}
