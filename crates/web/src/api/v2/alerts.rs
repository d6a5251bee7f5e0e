//! `alerts`: the alarms of all hosts, by name; with `options=instances` each by itself.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use health::engine::{Alarm, value_string};
use health::expression::Status;
use health::fleet::Watched;

use super::{Refusal, Scope, check_options, pattern, refuse, words, write_end, write_nodes};
use crate::Node;
use crate::answer::Answer;
use crate::gate::Asked;
use crate::json::Json;

/// Alarms that are listed by themselves at most: those that are raised, then those that changed last.
const INSTANCES_MAX: usize = 10_000;

/// All alarms of one name.
#[derive(Debug, Default)]
struct Kind {
    summary: String,
    nodes: BTreeSet<usize>,
    critical: usize,
    warning: usize,
    clear: usize,
    /// They were evaluated without a decision, or are not there any more.
    other: usize,
    configurations: BTreeSet<String>,
    contexts: BTreeSet<String>,
    class: String,
    component: String,
    kind: String,
}

/// An alarm of a host.
#[derive(Debug)]
struct Instance {
    node: usize,
    name: String,
    chart: String,
    chart_name: String,
    context: String,
    family: String,
    units: String,
    info: String,
    recipient: String,
    source: String,
    configuration: String,
    status: Status,
    value: f64,
    changed_s: i64,
    updated_s: i64,
    is_silenced: bool,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    kinds: BTreeMap<String, Kind>,
    instances: Vec<Instance>,
    left_off: usize,
}

pub(in crate::api) fn answer(node: &Node, asked: &Asked) -> Answer {
    let begun = node.now();
    let params = &asked.params;
    let statuses = match statuses(words(params, &["status"])).and_then(|it| check_options(params).map(|()| it)) {
        Ok(statuses) => statuses,
        Err(refusal) => return refuse(refusal),
    };
    let scope = Scope::of(params);
    let (hosts, names) = (scope.hosts(node), pattern(params, &["alert", "alerts"]));
    let limit = usize::try_from(params.number("limit", INSTANCES_MAX as i64)).unwrap_or(0).min(INSTANCES_MAX);
    let lists_instances = words(params, &["options"]).any(|word| word == "instances");
    let mut found = Found::default();
    let is_meant = |alarm: &&Alarm| {
        (statuses.is_empty() || statuses.contains(&alarm.state.status))
            && names.as_ref().is_none_or(|names| names.matches(&alarm.name))
            && scope.has_context(&alarm.context)
    };
    for (number, host) in &hosts {
        let Some(watched) = node.config.alarms.as_ref().and_then(|fleet| fleet.of(host.guid())) else { continue };
        for alarm in lock(&watched).alarms().iter().filter(is_meant) {
            found.add(*number, alarm, lists_instances);
        }
        if found.instances.len() >= 2 * limit.max(1_000) {
            found.keep_first(limit);
        }
    }
    found.keep_first(limit);
    let mut json = Json::with_capacity(512 + found.kinds.len() * 256 + found.instances.len() * 512);
    json.object(|json| {
        json.key("api").int(2);
        json.key("alerts").array(|json| {
            (0..).zip(&found.kinds).for_each(|(number, (name, kind))| kind.write(json, number, name));
        });
        if lists_instances {
            json.key("alert_instances").array(|json| found.instances.iter().for_each(|alarm| alarm.write(json)));
            json.key("left_off").count(found.left_off);
        }
        write_nodes(json, &hosts);
        write_end(json, node, begun);
    });
    Answer::json(json.finish())
}

/// The statuses that some words mean; none: all.
fn statuses<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<Status>, Refusal> {
    let mut statuses = Vec::new();
    for word in words {
        match word.to_ascii_lowercase().as_str() {
            "raised" | "active" => statuses.extend([Status::Warning, Status::Critical]),
            _ => statuses.push(Status::from_name(word).ok_or_else(|| format!("There is no status {word}."))?),
        }
    }
    Ok(statuses)
}

/// A thread that panicked left nothing half done that would matter here.
fn lock(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Found {
    fn add(&mut self, node: usize, alarm: &Alarm, is_listed: bool) {
        self.kinds.entry(alarm.name.to_string()).or_default().add(node, alarm);
        if is_listed {
            self.instances.push(Instance::of(node, alarm));
        }
    }

    /// Lists no more than `limit` alarms.
    fn keep_first(&mut self, limit: usize) {
        self.instances.sort_by_key(|alarm| Reverse((alarm.status.is_raised(), alarm.changed_s)));
        self.left_off += self.instances.len().saturating_sub(limit);
        self.instances.truncate(limit);
    }
}

impl Kind {
    fn add(&mut self, node: usize, alarm: &Alarm) {
        let definition = &alarm.definition;
        if self.nodes.is_empty() {
            self.summary = alarm.info.to_string();
            self.class = definition.class.to_string();
            self.component = definition.component.to_string();
            self.kind = definition.kind.to_string();
        }
        self.nodes.insert(node);
        let count = match alarm.state.status {
            Status::Critical => &mut self.critical,
            Status::Warning => &mut self.warning,
            Status::Clear => &mut self.clear,
            _ => &mut self.other,
        };
        *count += 1;
        self.configurations.insert(definition.hash.to_string());
        if !self.contexts.contains(&*alarm.context) {
            self.contexts.insert(alarm.context.to_string());
        }
    }

    fn write(&self, json: &mut Json, number: i64, name: &str) {
        json.object(|json| {
            json.key("ati").int(number);
            json.key("ni").array(|json| self.nodes.iter().for_each(|&node| json.count(node)));
            json.key("nm").text(name);
            json.key("sum").text(&self.summary);
            json.key("cr").count(self.critical);
            json.key("wr").count(self.warning);
            json.key("cl").count(self.clear);
            json.key("er").count(self.other);
            json.key("in").count(self.critical + self.warning + self.clear + self.other);
            json.key("nd").count(self.nodes.len());
            json.key("cfg").count(self.configurations.len());
            json.key("ctx").array(|json| self.contexts.iter().for_each(|context| json.text(context)));
            json.key("cls").array(|json| json.text(&self.class));
            json.key("cp").array(|json| json.text(&self.component));
            json.key("ty").array(|json| json.text(&self.kind));
        });
    }
}

impl Instance {
    fn of(node: usize, alarm: &Alarm) -> Self {
        Self {
            node,
            name: alarm.name.to_string(),
            chart: alarm.chart.to_string(),
            chart_name: alarm.chart_name.to_string(),
            context: alarm.context.to_string(),
            family: alarm.family.to_string(),
            units: alarm.units.to_string(),
            info: alarm.info.to_string(),
            recipient: alarm.definition.to.to_string(),
            source: alarm.definition.source.to_string(),
            configuration: alarm.definition.hash.to_string(),
            status: alarm.state.status,
            value: alarm.state.value,
            changed_s: alarm.state.last_status_change_s,
            updated_s: alarm.state.last_updated_s,
            is_silenced: alarm.is_silenced,
        }
    }

    fn write(&self, json: &mut Json) {
        json.object(|json| {
            json.key("ni").count(self.node);
            json.key("nm").text(&self.name);
            json.key("ch").text(&self.chart);
            json.key("ch_n").text(&self.chart_name);
            json.key("ctx").text(&self.context);
            json.key("fami").text(&self.family);
            json.key("info").text(&self.info);
            json.key("to").text(&self.recipient);
            json.key("src").text(&self.source);
            json.key("cfg").text(&self.configuration);
            json.key("st").text(self.status.name());
            json.key("v").double(self.value);
            json.key("un").text(&self.units);
            json.key("value_string").text(&value_string(self.value, &self.units));
            json.key("tr_t").int(self.changed_s);
            json.key("t").int(self.updated_s);
            json.key("silenced").bool(self.is_silenced);
        });
    }
}
