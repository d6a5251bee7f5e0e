//! `charts_data`: the rows of many charts of one host in the same window, a column per dimension. Ours.
//!
//! A page of charts asks once for all that it shows. Columns are what it draws from, and times are
//! arithmetic, so they are told once per chart. Each chart is a query of its own: it has its own rows,
//! and nobody holds the host's lock longer than for one.

use row::text::{write_double, write_packed};
use rrd_store::query::{self, Charts, Grid, Group, Query, QueryError, VALUES_MAX, Values, WindowRequest};

use super::ABSOLUTE_S_MIN;
use super::options::DataOptions;
use super::selection::window;
use crate::answer::Answer;
use crate::gate::Asked;
use crate::json::Json;
use crate::older::{self, Later, Means};

/// Charts of one answer at most; together they have no more values than an answer of `data`.
const CHARTS_MAX: usize = 200;

pub(in crate::api) fn answer(asked: &Asked, now_s: i64, means: Means<'_>) -> Result<Answer, Later> {
    let params = &asked.params;
    let charts: Vec<&str> = params.all(&["chart"]).collect();
    if charts.is_empty() {
        let how = "No chart is given: name each in a parameter of its own, chart=ID&chart=ID.";
        return Ok(Answer::bad_request(how));
    }
    if charts.len() > CHARTS_MAX {
        return Ok(Answer::bad_request(format!("{} charts are given, {CHARTS_MAX} are the most.", charts.len())));
    }
    let options = DataOptions::read(params.all(&["options"]));
    let mut window = window(params, options);
    if window.grid == Grid::ByRequest {
        window.grid = Grid::Natural;
    }
    let group = Group::from_word(params.text("group").unwrap_or_default());
    let query = |id| Query {
        window,
        group,
        group_options: params.text("group_options").unwrap_or_default(),
        options: options.of_query(),
        values_max: VALUES_MAX / charts.len(),
        archive: means.archive,
        ..Query::new(Charts::One(id))
    };
    let (mut missing, mut waits) = (None, false);
    let mut json = Json::with_capacity(256 + charts.len() * 2_048);
    json.object(|json| {
        json.key("now_s").int(now_s);
        json.key("charts").array(|json| {
            for id in &charts {
                match asked.host.query(&query(id), now_s) {
                    Ok(rows) => {
                        missing = rows.missing.max(missing);
                        write_chart(json, id, &rows);
                    }
                    Err(QueryError::Waits) => {
                        waits = true;
                        break;
                    }
                    Err(_) => json.null(),
                }
            }
        });
        older::write(json, missing);
    });
    if waits {
        return Err(Later::Waits);
    }
    Ok(Answer::json(json.finish()).lasting(is_lasting(window)).missing(missing))
}

fn is_lasting(window: WindowRequest) -> bool {
    [window.after_s, window.before_s].iter().all(|&s| s >= ABSOLUTE_S_MIN)
}

fn write_chart(json: &mut Json, id: &str, rows: &query::Answer) {
    let window = rows.window;
    json.object(|json| {
        json.key("id").text(id);
        json.key("update_every").int(i64::from(rows.update_every_s));
        json.key("oldest_s").int(rows.first_s);
        json.key("newest_s").int(rows.last_s);
        json.key("start_s").int(window.row_s(0));
        json.key("step_s").int(window.step_s);
        json.key("rows").count(window.points);
        json.key("dimensions").array(|json| rows.columns.iter().for_each(|column| json.text(&column.id)));
        json.key("latest").array(|json| rows.columns.iter().for_each(|column| json.double(column.newest)));
        json.key("columns").array(|json| match rows.values() {
            Values::Stored(values) => write_columns(json, values, rows.columns.len(), write_packed),
            Values::Computed(values) => write_columns(json, values, rows.columns.len(), write_double),
        });
    });
}

/// Writes the values of each dimension, oldest first. What repeats the value before is copied.
fn write_columns<T: Copy + PartialEq>(json: &mut Json, values: &[T], width: usize, write: fn(&mut Vec<u8>, T)) {
    for place in 0..width {
        json.written(|out| {
            out.push(b'[');
            let (mut last, mut text) = (None, 0..0);
            for (row, &value) in values[place..].iter().step_by(width).enumerate() {
                if row > 0 {
                    out.push(b',');
                }
                let begin = out.len();
                if last == Some(value) {
                    out.extend_from_within(text.clone());
                } else {
                    write(out, value);
                    (last, text) = (Some(value), begin..out.len());
                }
            }
            out.push(b']');
        });
    }
}
