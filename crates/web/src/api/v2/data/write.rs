//! The answer: `json2`, rows of `[value, anomaly rate, annotations]`.

use row::Now;

use super::ask::{Aggregation, Ask};
use super::fold::{Fold, Group};
use super::{Numbered, write_end};
use crate::Node;
use crate::json::Json;

/// Annotations of a point: nothing is there, or not of all.
const EMPTY: i64 = 1;
const PARTIAL: i64 = 4;

pub(super) fn body(node: &Node, ask: &Ask, fold: &Fold, hosts: &[Numbered], begun: Now) -> Vec<u8> {
    let shown = shown(ask, fold);
    let mut json = Json::with_capacity(2_048 + ask.points * (16 + 12 * shown.len()) + fold.charts() * 256);
    json.object(|json| {
        json.key("api").int(2);
        json.key("summary");
        fold.summary.write(json);
        json.key("totals");
        fold.summary.write_totals(json);
        json.key("functions").array(|_| ());
        let mut extremes = (f64::INFINITY, f64::NEG_INFINITY);
        json.key("result").object(|json| write_result(json, ask, fold, &shown, &mut extremes));
        json.key("db").object(|json| {
            json.key("update_every").int(i64::from(fold.update_every_s));
            json.key("first_entry").int(fold.first_s);
            json.key("last_entry").int(fold.last_s);
        });
        json.key("view").object(|json| write_view(json, ask, fold, &shown, extremes));
        json.key("nodes_queried").count(hosts.len());
        write_end(json, node, begun);
    });
    json.finish()
}

/// The groups to show, by priority, then as they were found.
fn shown<'a>(ask: &Ask, fold: &'a Fold) -> Vec<&'a Group> {
    let is_shown = |group: &&Group| !ask.options.nonzero || group.stats.sum != 0.0;
    let mut shown: Vec<&Group> = fold.groups.iter().filter(is_shown).collect();
    if shown.is_empty() {
        shown = fold.groups.iter().collect();
    }
    shown.sort_by_key(|group| group.priority);
    shown
}

fn write_result(json: &mut Json, ask: &Ask, fold: &Fold, shown: &[&Group], extremes: &mut (f64, f64)) {
    json.key("labels").array(|json| {
        json.text("time");
        shown.iter().for_each(|group| json.text(&group.id));
    });
    json.key("point").object(|json| {
        json.key("value").int(0);
        json.key("arp").int(1);
        json.key("pa").int(2);
    });
    json.key("data").array(|json| {
        for number in 0..ask.points {
            let row = if ask.options.flip { number } else { ask.points - 1 - number };
            let is_of_total = ask.aggregation == Aggregation::Percentage;
            let total = if is_of_total { fold.groups.iter().map(|group| group.cells[row].share()).sum() } else { 0.0 };
            json.array(|json| {
                json.int(ask.row_s(row) * if ask.options.in_ms { 1_000 } else { 1 });
                for group in shown {
                    write_point(json, ask, group, row, total, extremes);
                }
            });
        }
    });
}

fn write_point(json: &mut Json, ask: &Ask, group: &Group, row: usize, total: f64, (min, max): &mut (f64, f64)) {
    let cell = group.cells[row];
    let value = cell.value(ask.aggregation, total);
    if !value.is_nan() {
        (*min, *max) = (min.min(value), max.max(value));
    }
    let annotations = match cell.count() {
        0 => EMPTY,
        count if count < group.members => PARTIAL,
        _ => 0,
    };
    json.array(|json| {
        json.double(if value.is_nan() && ask.options.null2zero { 0.0 } else { value });
        json.int(0);
        json.int(annotations);
    });
}

fn write_view(json: &mut Json, ask: &Ask, fold: &Fold, shown: &[&Group], (min, max): (f64, f64)) {
    json.key("title").text(&fold.title);
    json.key("update_every").int(ask.step_s);
    json.key("after").int(ask.window.after_s);
    json.key("before").int(ask.window.before_s);
    json.key("points").count(ask.points);
    json.key("units");
    let is_percentage = ask.aggregation == Aggregation::Percentage;
    match fold.units.iter().collect::<Vec<_>>().as_slice() {
        _ if is_percentage => json.text("%"),
        [] => json.text(""),
        [units] => json.text(units),
        several => json.array(|json| several.iter().for_each(|units| json.text(units))),
    }
    let chart_type = if fold.chart_types.len() == 1 { fold.chart_types.iter().next() } else { None };
    json.key("chart_type").text(chart_type.unwrap_or(&"line"));
    json.key("dimensions").object(|json| {
        json.key("grouped_by").array(|json| match ask.group_by.is_empty() {
            true => json.text("selected"),
            false => ask.group_by.iter().for_each(|by| json.text(by.word())),
        });
        let texts = |json: &mut Json, key: &str, text: fn(&Group) -> &str| {
            json.key(key).array(|json| shown.iter().for_each(|group| json.text(text(group))));
        };
        texts(json, "ids", |group| &group.id);
        texts(json, "names", |group| &group.name);
        if is_percentage {
            texts(json, "units", |_| "%")
        } else {
            texts(json, "units", |group| &group.units)
        }
        json.key("priorities").array(|json| shown.iter().for_each(|group| json.int(i64::from(group.priority))));
        json.key("aggregated").array(|json| shown.iter().for_each(|group| json.int(i64::from(group.members))));
        json.key("aggregation").text(ask.aggregation.word());
        json.key("sts").array(|json| shown.iter().for_each(|group| group.stats.write(json, fold.summary.stats())));
    });
    let has_values = min <= max;
    json.key("min").double(if has_values { min } else { 0.0 });
    json.key("max").double(if has_values { max } else { 0.0 });
}
