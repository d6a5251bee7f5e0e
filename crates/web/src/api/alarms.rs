//! `alarms`, `alarms_values`, `alarm_count` and `alarm_log` of a host.
//!
//! Expressions and what alarms are about are HTML-escaped, as clients know it; other texts are not.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use health::engine::{Alarm, State, value_string};
use health::expression::{Expression, Status};
use health::files::{Definition, Lookup, Repeat};
use health::fleet::Watched;
use health::log::Entry;
use rrd_store::Host;

use crate::answer::{Answer, escape_html};
use crate::gate::Asked;
use crate::json::Json;
use crate::{Node, list};

/// Entries of the log that are answered at most.
const ENTRIES_MAX: usize = 1_000;

/// Does something with the alarms of the host that is asked; `None` where it is not watched.
pub(super) fn with<R>(node: &Node, host: &Host, f: impl FnOnce(MutexGuard<'_, Watched>) -> R) -> Option<R> {
    let watched = node.config.alarms.as_ref()?.of(host.guid())?;
    let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
    Some(f(watched))
}

/// How many alarms of a host are neither, a warning, and critical.
pub(super) fn by_level(node: &Node, host: &Host) -> (usize, usize, usize) {
    let count = |watched: MutexGuard<'_, Watched>| {
        let are = |status| watched.alarms().iter().filter(|alarm| alarm.state.status == status).count();
        let (warning, critical) = (are(Status::Warning), are(Status::Critical));
        (watched.alarms().len() - warning - critical, warning, critical)
    };
    with(node, host, count).unwrap_or_default()
}

/// The alarms of one chart, and its thresholds.
pub(super) struct OfChart {
    pub(super) green: f64,
    pub(super) red: f64,
    pub(super) alarms: Vec<Brief>,
}

/// An alarm, in brief.
pub(super) struct Brief {
    pub(super) name: Arc<str>,
    pub(super) value: f64,
    id: u32,
    status: Status,
    units: Arc<str>,
    every_s: u32,
}

impl Default for OfChart {
    fn default() -> Self {
        Self { green: f64::NAN, red: f64::NAN, alarms: Vec::new() }
    }
}

impl OfChart {
    /// The thresholds are those of the first alarm that has some.
    fn add(&mut self, alarm: &Alarm) {
        let definition = &alarm.definition;
        let first = |threshold: &mut f64, of_alarm: Option<f64>| {
            if threshold.is_nan() {
                *threshold = of_alarm.unwrap_or(f64::NAN);
            }
        };
        first(&mut self.green, definition.green);
        first(&mut self.red, definition.red);
        self.alarms.push(Brief {
            name: Arc::clone(&alarm.name),
            value: alarm.state.value,
            id: alarm.memory.alarm_id,
            status: alarm.state.status,
            units: Arc::clone(&alarm.units),
            every_s: definition.every_s,
        });
    }

    /// Writes what a chart says of them.
    pub(super) fn write(&self, json: &mut Json) {
        json.key("green").double(self.green);
        json.key("red").double(self.red);
        json.key("alarms").object(|json| {
            for alarm in &self.alarms {
                json.key(&alarm.name).object(|json| {
                    json.key("id").int(i64::from(alarm.id));
                    json.key("status").text(alarm.status.name());
                    json.key("units").text(&alarm.units);
                    json.key("update_every").int(i64::from(alarm.every_s));
                });
            }
        });
    }
}

/// The alarms of all charts of a host that have any, by the ids of charts.
pub(super) fn by_chart(node: &Node, host: &Host) -> HashMap<String, OfChart> {
    let mut charts: HashMap<String, OfChart> = HashMap::new();
    let _not_watched = with(node, host, |watched| {
        watched.alarms().iter().for_each(|alarm| match charts.get_mut(&*alarm.chart) {
            Some(chart) => chart.add(alarm),
            None => charts.entry(alarm.chart.to_string()).or_default().add(alarm),
        });
    });
    charts
}

/// The alarms of one chart.
pub(super) fn of_chart(node: &Node, host: &Host, id: &str) -> OfChart {
    let mut chart = OfChart::default();
    let _not_watched = with(node, host, |watched| {
        watched.alarms().iter().filter(|alarm| *alarm.chart == *id).for_each(|alarm| chart.add(alarm));
    });
    chart
}

/// How many alarms a host has.
pub(super) fn count_of(node: &Node, host: &Host) -> usize {
    with(node, host, |watched| watched.alarms().len()).unwrap_or_default()
}

/// Whether all alarms are asked for, and not only those that are raised.
fn wants_all(asked: &Asked) -> bool {
    asked.params.flag("all")
}

/// An alarm as it is told: copied while the host's alarms are held, written when they are not.
struct Told {
    definition: Arc<Definition>,
    name: Arc<str>,
    chart: Arc<str>,
    chart_name: Arc<str>,
    family: Arc<str>,
    units: Arc<str>,
    info: Arc<str>,
    id: u32,
    state: State,
    is_silenced: bool,
    is_disabled: bool,
}

impl Told {
    fn of(alarm: &Alarm) -> Self {
        Self {
            definition: Arc::clone(&alarm.definition),
            name: Arc::clone(&alarm.name),
            chart: Arc::clone(&alarm.chart),
            chart_name: Arc::clone(&alarm.chart_name),
            family: Arc::clone(&alarm.family),
            units: Arc::clone(&alarm.units),
            info: Arc::clone(&alarm.info),
            id: alarm.memory.alarm_id,
            state: alarm.state,
            is_silenced: alarm.is_silenced,
            is_disabled: alarm.is_disabled,
        }
    }

    /// What it is called in answers: the name of its chart, and its own.
    fn key(&self) -> String {
        let chart = if self.chart_name.is_empty() { &self.chart } else { &self.chart_name };
        format!("{chart}.{}", self.name)
    }
}

/// The alarms that are asked for.
fn told(watched: &Watched, wants_all: bool) -> Vec<Told> {
    let alarms = watched.alarms().iter().filter(|alarm| wants_all || alarm.state.status.is_raised());
    alarms.map(Told::of).collect()
}

pub(super) fn all(node: &Node, asked: &Asked) -> Answer {
    let wants_all = wants_all(asked);
    let copy = |watched: MutexGuard<'_, Watched>| {
        (i64::from(watched.last_unique_id()), watched.is_live(), told(&watched, wants_all))
    };
    let (last_id, is_live, alarms) = with(node, &asked.host, copy).unwrap_or_default();
    let mut json = Json::default();
    json.open(b'{');
    json.key("hostname").text(&asked.host.info().hostname);
    json.key("latest_alarm_log_unique_id").int(last_id);
    json.key("status").bool(is_live);
    json.key("now").int(node.now().wall_s());
    list_of(json, node, alarms, |json, alarm| write_alarm(json, &alarm))
}

pub(super) fn values(node: &Node, asked: &Asked) -> Answer {
    let wants_all = wants_all(asked);
    let alarms = with(node, &asked.host, |watched| told(&watched, wants_all)).unwrap_or_default();
    let mut json = Json::default();
    json.open(b'{');
    json.key("hostname").text(&asked.host.info().hostname);
    list_of(json, node, alarms, |json, alarm| {
        json.object(|json| {
            json.key("id").int(i64::from(alarm.id));
            json.key("value").double(alarm.state.value);
            json.key("last_updated").int(alarm.state.last_updated_s);
            json.key("status").text(alarm.state.status.name());
        });
    })
}

/// The rest of an answer: alarms by their keys.
fn list_of(
    mut begun: Json,
    node: &Node,
    alarms: Vec<Told>,
    mut write: impl FnMut(&mut Json, Told) + Send + 'static,
) -> Answer {
    let held_bytes = alarms.len() * size_of::<Told>();
    begun.key("alarms").open(b'{');
    let write = move |json: &mut Json, alarm: Told| {
        json.key(&alarm.key());
        write(json, alarm);
    };
    let end = |json: &mut Json| {
        json.close(b'}');
        json.close(b'}');
    };
    node.queries.hold(list::answer(begun, alarms, write, end).of_bytes(held_bytes))
}

pub(super) fn count(node: &Node, asked: &Asked) -> Vec<u8> {
    let status = asked.params.text("status").and_then(Status::from_name);
    let contexts: Vec<&str> =
        asked.params.all(&["context", "ctx"]).flat_map(|list| list.split(['|', ',', ' '])).collect();
    let is_counted = |alarm: &&Alarm| {
        let is_it = status.map_or(alarm.state.status.is_raised(), |status| alarm.state.status == status);
        is_it && (contexts.is_empty() || contexts.contains(&&*alarm.context))
    };
    let count = with(node, &asked.host, |watched| watched.alarms().iter().filter(is_counted).count());
    format!("[{}]\n", count.unwrap_or(0)).into_bytes()
}

pub(super) fn log(node: &Node, asked: &Asked) -> Answer {
    let after_id = u32::try_from(asked.params.number("after", 0)).unwrap_or(0);
    let chart = asked.params.text("chart");
    let entries = with(node, &asked.host, |watched| watched.log(after_id, chart, ENTRIES_MAX));
    let entries = match entries.unwrap_or_else(|| Ok(Vec::new())) {
        Ok(entries) => entries,
        Err(error) => return Answer::internal(format!("the alarm log cannot be read: {error}")),
    };
    let info = asked.host.info();
    let now_s = node.now().wall_s();
    let mut json = Json::default();
    json.open(b'[');
    let write = move |json: &mut Json, entry: Entry| write_entry(json, &entry, &info, now_s);
    list::answer(json, entries, write, |json| json.close(b']'))
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "Unknown" } else { text }
}

fn write_alarm(json: &mut Json, alarm: &Told) {
    let (definition, state) = (&alarm.definition, &alarm.state);
    let int = |value: u32| i64::from(value);
    json.object(|json| {
        json.key("id").int(int(alarm.id));
        json.key("config_hash_id").text(&definition.hash.to_string());
        json.key("name").text(&alarm.name);
        json.key("chart").text(&alarm.chart);
        json.key("family").text(&alarm.family);
        json.key("class").text(or_unknown(&definition.class));
        json.key("component").text(or_unknown(&definition.component));
        json.key("type").text(or_unknown(&definition.kind));
        json.key("active").bool(true);
        json.key("disabled").bool(alarm.is_disabled);
        json.key("silenced").bool(alarm.is_silenced);
        json.key("exec").text(&definition.exec);
        json.key("recipient").text(&definition.to);
        json.key("source").text(&definition.source.to_string());
        json.key("units").text(&alarm.units);
        json.key("info").text(&alarm.info);
        json.key("status").text(state.status.name());
        json.key("last_status_change").int(state.last_status_change_s);
        json.key("last_updated").int(state.last_updated_s);
        json.key("next_update").int(state.next_update_s);
        json.key("update_every").int(int(definition.every_s));
        json.key("delay_up_duration").int(int(definition.delay.up_s));
        json.key("delay_down_duration").int(int(definition.delay.down_s));
        json.key("delay_max_duration").int(int(definition.delay.max_s));
        json.key("delay_multiplier").double(f64::from(definition.delay.multiplier));
        json.key("delay").int(int(state.delay_s));
        json.key("delay_up_to_timestamp").int(state.delay_until_s);
        let Repeat { warning_s, critical_s } = definition.repeat.unwrap_or_default();
        json.key("warn_repeat_every").text(&warning_s.to_string());
        json.key("crit_repeat_every").text(&critical_s.to_string());
        json.key("value_string").text(&value_string(state.value, &alarm.units));
        json.key("last_repeat").text(&if state.times_repeat > 0 { state.last_repeat_s } else { 0 }.to_string());
        json.key("times_repeat").int(int(state.times_repeat));
        if definition.no_clear_notification {
            json.key("no_clear_notification").bool(true);
        }
        if let Some(lookup) = &definition.lookup {
            write_lookup(json, lookup, state.window_s);
        }
        for (name, expression) in [("calc", &definition.calc), ("warn", &definition.warn), ("crit", &definition.crit)] {
            write_expression(json, name, expression.as_ref());
        }
        json.key("green").double(definition.green.unwrap_or(f64::NAN));
        json.key("red").double(definition.red.unwrap_or(f64::NAN));
        json.key("value").double(state.value);
    });
}

fn write_lookup(json: &mut Json, lookup: &Lookup, window_s: (i64, i64)) {
    match &lookup.dimensions {
        Some(words) => json.key("lookup_dimensions").text(&words.text),
        None => json.key("lookup_dimensions").null(),
    }
    json.key("db_after").int(window_s.0);
    json.key("db_before").int(window_s.1);
    json.key("lookup_method").text(lookup.group.word());
    json.key("lookup_after").int(-i64::from(lookup.length_s));
    json.key("lookup_before").int(-i64::from(lookup.back_s));
    json.key("lookup_options").text(&lookup.options);
}

fn write_expression(json: &mut Json, name: &str, expression: Option<&Expression>) {
    if let Some(expression) = expression {
        json.key(name).text(&escape_html(expression.text()));
        json.key(&format!("{name}_parsed")).text(&escape_html(expression.parsed()));
    }
}

fn write_entry(json: &mut Json, entry: &Entry, info: &rrd_store::HostInfo, now_s: i64) {
    let int = |value: u32| i64::from(value);
    let is_told = entry.told_s > 0;
    let due_s = entry.when_s + int(entry.delay_s);
    json.object(|json| {
        json.key("hostname").text(&info.hostname);
        json.key("utc_offset").int(i64::from(info.utc_offset_s));
        json.key("timezone").text(&info.abbrev_timezone);
        json.key("unique_id").int(int(entry.unique_id));
        json.key("alarm_id").int(int(entry.alarm_id));
        json.key("alarm_event_id").int(int(entry.event_id));
        json.key("config_hash_id").text(&entry.config_hash);
        json.key("name").text(&entry.name);
        json.key("chart").text(&entry.chart);
        json.key("context").text(&entry.context);
        json.key("family").text(&entry.family);
        json.key("class").text(or_unknown(&entry.class));
        json.key("component").text(or_unknown(&entry.component));
        json.key("type").text(or_unknown(&entry.kind));
        json.key("processed").bool(is_told || due_s <= now_s);
        json.key("updated").bool(entry.updated_by_id > 0);
        json.key("exec_run").int(entry.told_s);
        json.key("exec_failed").bool(is_told && entry.told_code != 0);
        json.key("exec").text(&entry.exec);
        json.key("recipient").text(&entry.to_roles);
        json.key("exec_code").int(i64::from(entry.told_code));
        json.key("source").text(&entry.source);
        json.key("command").text(&edit_hint(&entry.source, &info.hostname));
        json.key("units").text(&entry.units);
        json.key("when").int(entry.when_s);
        json.key("duration").int(entry.duration_s);
        json.key("non_clear_duration").int(entry.non_clear_s);
        json.key("status").text(entry.to.name());
        json.key("old_status").text(entry.from.name());
        json.key("delay").int(int(entry.delay_s));
        json.key("delay_up_to_timestamp").int(due_s);
        json.key("updated_by_id").int(int(entry.updated_by_id));
        json.key("updates_id").int(int(entry.updates_id));
        json.key("value_string").text(&value_string(entry.value, &entry.units));
        json.key("old_value_string").text(&value_string(entry.old_value, &entry.units));
        json.key("last_repeat").text("0");
        json.key("silenced").text(if entry.is_silenced { "true" } else { "false" });
        match &*entry.info {
            "" => json.key("info").null(),
            info => json.key("info").text(&escape_html(info)),
        }
        if entry.no_clear_notification {
            json.key("no_clear_notification").bool(true);
        }
        json.key("value").double(entry.value);
        json.key("old_value").double(entry.old_value);
    });
}

/// Where an operator changes the alarm: file, line, host.
fn edit_hint(source: &str, hostname: &str) -> String {
    let (line, file) = source.split_once('@').unwrap_or(("", source));
    format!("edit {file}={line}={hostname}")
}
