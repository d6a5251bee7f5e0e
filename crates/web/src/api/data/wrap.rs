//! The wrapper: rows together with what clients want to know about them.

use rrd_store::query::Column;

use super::table::Table;
use super::{Found, Question};
use crate::json::Json;

/// Writes the table with all that is told about it.
pub(super) fn write(question: &Question<'_>, found: &Found, table: &Table<'_>) -> Vec<u8> {
    let (rows, window) = (table.rows, table.rows.window);
    let id = description(question);
    let mut options = question.selection.options.words();
    options.push(if window.natural { "natural-points" } else { "virtual-points" });
    let mut json = Json::with_capacity(table.bytes() + 1_024 + 2 * id.len());
    json.object(|json| {
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
        json.key("options").text(&options.join(","));
        write_texts(json, table, "dimension_names", |column| &column.name);
        write_texts(json, table, "dimension_ids", |column| &column.id);
        json.key("functions").array(|_| ());
        if !found.is_one_chart {
            write_texts(json, table, "chart_ids", |column| &column.chart);
        }
        write_latest(json, table);
        json.key("dimensions").count(table.columns.len());
        json.key("points").count(window.points);
        json.key("format").text("json");
        json.key("db_points_per_tier").array(|json| json.count(table.columns.len() * window.points));
        json.key("result").written(|out| table.write(out));
        let (min, max) = table.extremes();
        json.key("min").double(min);
        json.key("max").double(max);
    });
    json.finish()
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

fn write_texts<'a>(json: &mut Json, table: &Table<'a>, key: &str, text: impl Fn(&'a Column) -> &'a str) {
    json.key(key).array(|json| match table.columns.is_empty() {
        true => json.text("no data"),
        false => table.columns.iter().for_each(|&place| json.text(text(&table.rows.columns[place]))),
    });
}

/// The newest stored values, and those of the newest row.
fn write_latest(json: &mut Json, table: &Table<'_>) {
    let newest = |json: &mut Json, place: usize| json.double(table.rows.columns[place].newest);
    json.key("latest_values").array(|json| table.columns.iter().for_each(|&place| newest(json, place)));
    json.key("view_latest_values").array(|json| {
        if let Some((_, values)) = table.rows.rows().next_back() {
            table.columns.iter().for_each(|&place| json.double(values.get(place)));
        }
    });
}
