//! The wrapper: rows together with what clients want to know about them.

use std::collections::{BTreeMap, HashSet};

use patterns::SimplePattern;
use rrd_store::query::Column;

use super::format::Format;
use super::table::Table;
use super::{DataOptions, Question};
use crate::json::Json;
use crate::older;

/// What stands before the table, and what after it.
pub(super) fn around(question: &Question<'_>, table: &Table, is_one_chart: bool, format: Format) -> (Vec<u8>, Vec<u8>) {
    let (rows, window) = (&table.rows, table.rows.window);
    let id = description(question);
    let mut json = Json::with_capacity(1_024 + 2 * id.len());
    json.open(b'{');
    json.key("api").int(1);
    json.key("id").text(&id);
    json.key("name").text(&id);
    json.key("view_update_every").int(window.step_s);
    json.key("update_every").int(i64::from(rows.update_every_s));
    json.key("first_entry").int(rows.first_s);
    json.key("last_entry").int(rows.last_s);
    json.key("before").int(window.before_s);
    json.key("after").int(window.after_s);
    json.key("group").text(question.selection.group.word());
    json.key("options").text(&question.selection.options.with_grid(window.natural).words().join(","));
    write_texts(&mut json, table, "dimension_names", |column| &column.name);
    write_texts(&mut json, table, "dimension_ids", |column| &column.id);
    if question.selection.options.has(DataOptions::ALL_DIMENSIONS) {
        write_full_lists(&mut json, question, table);
    }
    json.key("functions").array(|_| ());
    if !is_one_chart {
        write_texts(&mut json, table, "chart_ids", |column| &column.chart);
    }
    if let Some(keys) = &question.selection.label_keys {
        write_labels(&mut json, question, table, keys);
    }
    write_latest(&mut json, table);
    json.key("dimensions").count(table.columns.len());
    json.key("points").count(window.points);
    older::write(&mut json, rows.missing);
    json.key("format").text(format.word());
    json.key("db_points_per_tier").array(|json| json.count(table.columns.len() * window.points));
    json.key("result").raw(if format.is_text() { b"\"" } else { b"" });
    let mut tail = Json::default();
    tail.raw(if format.is_text() { b"\"" } else { b"" });
    let (min, max) = table.extremes();
    tail.key("min").double(min);
    tail.key("max").double(max);
    tail.close(b'}');
    (json.finish(), tail.finish())
}

/// All dimensions of the charts in the answer, shown or not, the charts, and their labels, each once.
fn write_full_lists(json: &mut Json, question: &Question<'_>, table: &Table) {
    let mut ids: Vec<&str> = table.rows.columns.iter().map(|column| &*column.chart).collect();
    ids.dedup();
    let (mut dimensions, mut charts, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        question.asked.host.read(|view| {
            let Some(chart) = view.find_chart(id) else { return };
            let pair = |id: &str, name: &str| (id.to_owned(), name.to_owned());
            let alive = (0..).zip(chart.dimensions()).filter(|(index, _)| !chart.is_gone(*index));
            dimensions.extend(alive.map(|(_, one)| pair(one.id, if one.name.is_empty() { one.id } else { one.name })));
            charts.push(pair(chart.id(), chart.name()));
            labels.extend(chart.labels().map(|label| pair(label.name, label.value)));
        });
    }
    for (key, pairs) in
        [("full_dimension_list", dimensions), ("full_chart_list", charts), ("full_chart_labels", labels)]
    {
        let mut told = HashSet::new();
        json.key(key).array(|json| {
            for (one, other) in pairs.iter().filter(|pair| told.insert(*pair)) {
                json.array(|json| {
                    json.text(one);
                    json.text(other);
                });
            }
        });
    }
}

/// Of each label that is asked for: its values at the charts of all columns.
fn write_labels(json: &mut Json, question: &Question<'_>, table: &Table, keys: &SimplePattern) {
    let columns = table.columns.iter().map(|&place| &*table.rows.columns[place].chart);
    let charts: Vec<&str> = columns.collect();
    let mut labels: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for (column, id) in charts.iter().enumerate() {
        question.asked.host.read(|view| {
            let asked = view.find_chart(id).into_iter().flat_map(|chart| chart.labels());
            for label in asked.filter(|label| keys.matches(label.name)) {
                let values = labels.entry(label.name.into()).or_insert_with(|| vec![None; charts.len()]);
                values[column] = Some(label.value.into());
            }
        });
    }
    json.key("chart_labels").object(|json| {
        for (name, values) in &labels {
            json.key(name).array(|json| {
                for value in values {
                    match value {
                        Some(value) => json.text(value),
                        None => json.null(),
                    }
                }
            });
        }
    });
}

/// The question in one line.
fn description(question: &Question<'_>) -> String {
    let host = &question.asked.host.info().hostname;
    let chart = question.chart.unwrap_or("*");
    let (selection, request) = (&question.selection, question.selection.window);
    let what = match question.context {
        Some(context) => format!("context://hosts:{host}/contexts:{context}/instances:{chart}"),
        None => format!("chart://host:{host}/instance:{chart}"),
    };
    format!(
        "{what}/dimensions:{}/after:{}/before:{}/points:{}/group:{}/options:{}",
        if selection.dimensions.is_empty() { "*" } else { &selection.dimensions },
        request.after_s,
        request.before_s,
        request.points,
        question.selection.group.word(),
        question.selection.options.words().join(","),
    )
}

fn write_texts<'a>(json: &mut Json, table: &'a Table, key: &str, text: impl Fn(&'a Column) -> &'a str) {
    json.key(key).array(|json| match table.columns.is_empty() {
        true => json.text("no data"),
        false => table.columns.iter().for_each(|&place| json.text(text(&table.rows.columns[place]))),
    });
}

/// The newest stored values, and those of the newest row.
fn write_latest(json: &mut Json, table: &Table) {
    let newest = |json: &mut Json, place: usize| json.double(table.rows.columns[place].newest);
    json.key("latest_values").array(|json| table.columns.iter().for_each(|&place| newest(json, place)));
    json.key("view_latest_values").array(|json| {
        if let Some((_, values)) = table.rows.rows().next_back() {
            table.columns.iter().for_each(|&place| json.double(values.get(place)));
        }
    });
}
