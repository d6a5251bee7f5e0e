//! `contexts` and `context`: what a host measures, charts of a kind taken together.
//!
//! Charts are copied a few at a time, as those of `charts` are, and with no more of them than is asked for.

use std::collections::HashMap;

use patterns::SimplePattern;
use row::{ChartOptions, ChartSlot, ChartType, DimensionOptions};
use rrd_store::{ChartView, Host};

use super::charts::CHARTS_AT_ONCE;
use super::data::pattern;
use crate::json::Json;
use crate::params::Params;

/// Bounds up to this are relative, as those of `data`: three years.
const RELATIVE_S_MAX: i64 = 3 * 365 * 86_400;
/// Stands for what the texts of charts of a kind do not share.
const DIFFERENT: &str = "[x]";

/// What a URL asks for.
struct Question {
    charts: bool,
    dimensions: bool,
    labels: bool,
    named: Option<SimplePattern>,
    filter: Option<SimplePattern>,
    key: Option<SimplePattern>,
    after_s: i64,
    before_s: i64,
}

/// A kind of charts.
struct Context {
    id: String,
    all: About,
    charts: Vec<Chart>,
}

/// What is told of a kind as of a chart.
struct About {
    title: String,
    units: String,
    family: String,
    chart_type: ChartType,
    priority: i32,
    first_s: i64,
    last_s: i64,
    is_collected: bool,
}

struct Chart {
    id: String,
    name: String,
    update_every_s: u32,
    about: About,
    labels: Vec<(String, String)>,
    dimensions: Vec<Dimension>,
}

struct Dimension {
    id: String,
    name: String,
    is_collected: bool,
}

/// All contexts of a host.
pub(super) fn all(host: &Host, params: &Params, now_s: i64) -> Vec<u8> {
    let question = Question::read(params, now_s);
    let contexts = collect(host, &question, None);
    let info = host.info();
    let mut json = Json::with_capacity(1_024 + contexts.len() * 256);
    json.object(|json| {
        json.key("hostname").text(&info.hostname);
        json.key("machine_guid").text(&host.guid().to_string());
        json.key("node_id").text("");
        json.key("claim_id").text(&host.claimed_id().map(|id| id.to_string()).unwrap_or_default());
        if question.labels {
            let labels: Vec<_> = host.read(|view| view.labels().map(owned).collect());
            json.key("host_labels");
            write_labels(json, &labels);
        }
        json.key("contexts").object(|json| {
            for context in &contexts {
                json.key(&context.id);
                context.write(json, &question);
            }
        });
    });
    json.finish()
}

/// One context of a host, if there is such a one.
pub(super) fn one(host: &Host, id: &str, params: &Params, now_s: i64) -> Option<Vec<u8>> {
    let question = Question::read(params, now_s);
    let contexts = collect(host, &question, Some(id));
    let mut json = Json::with_capacity(1_024);
    contexts.first()?.write(&mut json, &question);
    Some(json.finish())
}

impl Question {
    fn read(params: &Params, now_s: i64) -> Self {
        let options: Vec<&str> = params.all(&["options"]).flat_map(|list| list.split([',', '|', ' '])).collect();
        let has = |words: &[&str]| options.iter().any(|option| *option == "full" || words.contains(option));
        let dimensions: Vec<&str> = params.all(&["dimension", "dim", "dimensions", "dims"]).collect();
        let named = pattern(Some(&dimensions.join("|")));
        let (filter, key) = (pattern(params.text("chart_labels_filter")), pattern(params.text("chart_label_key")));
        let bound = |name: &str, default| match params.number(name, 0) {
            0 => default,
            relative if relative.abs() <= RELATIVE_S_MAX => now_s - relative.abs(),
            second => second,
        };
        let dimensions = has(&["dimensions", "metrics"]) || named.is_some();
        Self {
            charts: dimensions || has(&["charts", "instances"]) || filter.is_some() || key.is_some(),
            dimensions,
            labels: has(&["labels"]),
            after_s: bound("after", 0),
            before_s: bound("before", i64::MAX),
            named,
            filter,
            key,
        }
    }

    /// Whether a chart is among those that are asked for.
    fn wants(&self, chart: &ChartView<'_>, id: Option<&str>) -> bool {
        let definition = chart.definition();
        let matches = |list: &Option<SimplePattern>, text: &dyn Fn(&row::Label<'_>) -> String| {
            list.as_ref().is_none_or(|list| chart.labels().any(|label| list.matches(&text(&label))))
        };
        id.is_none_or(|id| id == definition.context)
            && definition.options.0 & ChartOptions::HIDDEN.0 == 0
            && chart.dimensions().any(|dimension| self.is_named(&dimension))
            && chart.last_s() > 0
            && chart.last_s() >= self.after_s
            && chart.oldest_s() <= self.before_s
            && matches(&self.filter, &|label| format!("{}:{}", label.name, label.value))
            && matches(&self.key, &|label| label.name.into())
    }

    fn is_named(&self, dimension: &row::DimensionDefinition<'_>) -> bool {
        self.named.as_ref().is_none_or(|named| named.matches(dimension.id) || named.matches(dimension.name))
    }

    fn copy(&self, chart: &ChartView<'_>) -> Chart {
        let definition = chart.definition();
        let dimension = |dimension: row::DimensionDefinition<'_>| Dimension {
            id: dimension.id.into(),
            name: dimension.name.into(),
            is_collected: dimension.options.0 & DimensionOptions::OBSOLETE.0 == 0,
        };
        Chart {
            id: definition.id.into(),
            name: chart.name().into(),
            update_every_s: definition.update_every_s,
            about: About {
                title: definition.title.into(),
                units: definition.units.into(),
                family: definition.family.into(),
                chart_type: definition.chart_type,
                priority: definition.priority,
                first_s: chart.oldest_s(),
                last_s: chart.last_s(),
                is_collected: definition.options.0 & ChartOptions::OBSOLETE.0 == 0,
            },
            labels: if self.labels { chart.labels().map(owned).collect() } else { Vec::new() },
            dimensions: if self.dimensions {
                chart.dimensions().filter(|dimension| self.is_named(dimension)).map(dimension).collect()
            } else {
                Vec::new()
            },
        }
    }
}

fn owned(label: row::Label<'_>) -> (String, String) {
    (label.name.into(), label.value.into())
}

/// The contexts of a host, in the order in which their first charts came; of charts no more than asked.
fn collect(host: &Host, question: &Question, id: Option<&str>) -> Vec<Context> {
    let mut contexts: Vec<Context> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut copies = Vec::new();
    for start in (0..).step_by(CHARTS_AT_ONCE as usize) {
        let more = host.read(|view| {
            let slots = (start..view.slots_end().min(start + CHARTS_AT_ONCE)).map(ChartSlot);
            let charts = slots.filter_map(|slot| view.chart(slot)).filter(|chart| question.wants(chart, id));
            copies.extend(charts.map(|chart| (chart.definition().context.to_owned(), question.copy(&chart))));
            view.slots_end() > start + CHARTS_AT_ONCE
        });
        for (id, chart) in copies.drain(..) {
            let place = *places.entry(id.clone()).or_insert(contexts.len());
            match contexts.get_mut(place) {
                Some(context) => context.add(chart, question),
                None => contexts.push(Context::new(id, chart, question)),
            }
        }
        if !more {
            break;
        }
    }
    contexts
}

impl Context {
    fn new(id: String, chart: Chart, question: &Question) -> Self {
        let all = chart.about.copy();
        Self { id, all, charts: if question.charts { vec![chart] } else { Vec::new() } }
    }

    fn add(&mut self, chart: Chart, question: &Question) {
        let (all, new) = (&mut self.all, &chart.about);
        for (text, other) in
            [(&mut all.title, &new.title), (&mut all.units, &new.units), (&mut all.family, &new.family)]
        {
            if *text != *other {
                *text = shared(text, other);
            }
        }
        all.priority = all.priority.min(new.priority);
        all.first_s = all.first_s.min(new.first_s);
        all.last_s = all.last_s.max(new.last_s);
        all.is_collected |= new.is_collected;
        if question.charts {
            self.charts.push(chart);
        }
    }

    fn write(&self, json: &mut Json, question: &Question) {
        json.object(|json| {
            self.all.write(json, None);
            if question.charts {
                json.key("charts").object(|json| {
                    for chart in &self.charts {
                        json.key(&chart.id);
                        chart.write(json, &self.id, question);
                    }
                });
            }
        });
    }
}

/// What two texts begin and end with; a mark stands for what is between.
fn shared(one: &str, other: &str) -> String {
    let is_same = |(a, b): &(char, char)| a == b;
    let begin: usize = one.chars().zip(other.chars()).take_while(is_same).map(|(c, _)| c.len_utf8()).sum();
    let (one, other, head) = (&one[begin..], &other[begin..], &one[..begin]);
    let end: usize = one.chars().rev().zip(other.chars().rev()).take_while(is_same).map(|(c, _)| c.len_utf8()).sum();
    format!("{head}{DIFFERENT}{}", &one[one.len() - end..])
}

impl About {
    fn copy(&self) -> Self {
        Self { title: self.title.clone(), units: self.units.clone(), family: self.family.clone(), ..*self }
    }

    fn write(&self, json: &mut Json, update_every_s: Option<u32>) {
        json.key("title").text(&self.title);
        json.key("units").text(&self.units);
        json.key("family").text(&self.family);
        json.key("chart_type").text(self.chart_type.word());
        json.key("priority").int(i64::from(self.priority));
        if let Some(update_every_s) = update_every_s {
            json.key("update_every").int(i64::from(update_every_s));
        }
        json.key("first_time_t").int(self.first_s);
        json.key("last_time_t").int(self.last_s);
        json.key("collected").bool(self.is_collected);
    }
}

impl Chart {
    fn write(&self, json: &mut Json, context: &str, question: &Question) {
        json.object(|json| {
            json.key("name").text(&self.name);
            json.key("context").text(context);
            self.about.write(json, Some(self.update_every_s));
            if question.labels {
                json.key("labels");
                write_labels(json, &self.labels);
            }
            if question.dimensions {
                json.key("dimensions").object(|json| {
                    for dimension in &self.dimensions {
                        json.key(&dimension.id).object(|json| {
                            json.key("name").text(&dimension.name);
                            json.key("first_time_t").int(self.about.first_s);
                            json.key("last_time_t").int(self.about.last_s);
                            json.key("collected").bool(self.about.is_collected && dimension.is_collected);
                        });
                    }
                });
            }
        });
    }
}

fn write_labels(json: &mut Json, labels: &[(String, String)]) {
    json.object(|json| labels.iter().for_each(|(name, value)| json.key(name).text(value)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: texts of charts of a kind become one that tells what they share.
    #[test]
    fn texts_are_taken_together() {
        for (one, other, both) in [
            ("/", "/var", "/[x]"),
            ("/[x]", "/usr", "/[x]"),
            ("sda io", "sdb io", "sd[x] io"),
            ("aä", "aö", "a[x]"),
            ("aa", "a", "a[x]"),
            ("", "x", "[x]"),
        ] {
            assert_eq!(shared(one, other), both);
        }
    }
}
