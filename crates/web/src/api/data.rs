//! `data`: a chart's rows in a time range, as JSON.

use patterns::SimplePattern;
use row::text::{write_double, write_int};
use rrd_store::Host;
use rrd_store::query::{Answer as Rows, Group, Query, Window, WindowRequest};

use super::data_options::DataOptions;
use crate::answer::Answer;
use crate::gate::Asked;
use crate::json::{Json, write_text};
use crate::params::Params;

/// Values of an answer at most: some 10 MB of text. A question for more gets longer rows.
const VALUES_MAX: i64 = 1_000_000;
/// Bounds from here on are points in time, smaller ones relative: three years.
const ABSOLUTE_S_MIN: i64 = 3 * 365 * 86_400 + 1;
/// What separates the words of a list of dimensions: names may hold blanks.
const SEPARATORS: &[char] = &[',', '|', '\t', '\r', '\n', '\x0c', '\x0b'];
const DIMENSIONS: [&str; 4] = ["dimension", "dim", "dimensions", "dims"];

pub(super) fn answer(asked: &Asked, now_s: i64) -> Answer {
    let params = &asked.params;
    let Some(chart) = params.text("chart") else {
        return match params.text("context") {
            // Questions over several charts are not built yet.
            Some(_) => no_match(),
            None => Answer::bad_request("No chart or context is given."),
        };
    };
    let options = DataOptions::read(params.all(&["options"]));
    let dimensions = params.all(&DIMENSIONS).collect::<Vec<_>>().join("|");
    let pattern = (!dimensions.is_empty()).then(|| SimplePattern::with_separators(&dimensions, SEPARATORS));
    let query = Query {
        chart,
        dimensions: pattern.as_ref(),
        window: bounded(&asked.host, chart, window(params, options), now_s),
        group: Group::from_word(params.text("group").unwrap_or_default()),
    };
    let Ok(rows) = asked.host.query(&query, now_s) else { return no_match() };
    let named: Vec<&str> = dimensions.split(SEPARATORS).collect();
    let table = Table { columns: columns(&rows, options, &named), rows: &rows, options };
    let body = if options.has(DataOptions::JSONWRAP) { table.wrap(asked, &query, &dimensions) } else { table.json() };
    Answer::json(body).lasting([query.window.after_s, query.window.before_s].iter().all(|&s| s >= ABSOLUTE_S_MIN))
}

fn no_match() -> Answer {
    Answer::not_found("No metrics where matched to query.")
}

fn window(params: &Params, options: DataOptions) -> WindowRequest {
    WindowRequest {
        after_s: params.number("after", -600),
        before_s: params.number("before", 0),
        points: params.number("points", 0).max(0),
        unaligned: options.has(DataOptions::UNALIGNED),
    }
}

/// Asks for fewer rows where all rows of the window would be more than [`VALUES_MAX`] values.
fn bounded(host: &Host, chart: &str, window: WindowRequest, now_s: i64) -> WindowRequest {
    let facts = host.read(|view| {
        let chart = view.find_chart(chart)?;
        Some((chart.first_s(), chart.last_s(), chart.update_every_s(), chart.dimensions().len() as i64))
    });
    let Some((first_s, last_s, every_s, dimensions)) = facts else { return window };
    let rows_max = (VALUES_MAX / dimensions.max(1)).max(1);
    let rows = Window::resolve(&window, first_s, last_s, every_s, now_s).points;
    if rows as i64 <= rows_max { window } else { WindowRequest { points: rows_max, ..window } }
}

/// The places of the dimensions to show.
fn columns(rows: &Rows, options: DataOptions, named: &[&str]) -> Vec<usize> {
    let all = || 0..rows.columns.len();
    if !options.has(DataOptions::NONZERO) {
        return all().collect();
    }
    let mut alive = vec![false; rows.columns.len()];
    for (_, values) in rows.rows() {
        alive.iter_mut().zip(values).for_each(|(alive, value)| *alive |= !value.is_nan() && *value != 0.0);
    }
    if !alive.contains(&true) {
        return all().collect();
    }
    let is_named = |place: usize| {
        let column = &rows.columns[place];
        named.iter().any(|name| *name == &*column.id || *name == &*column.name)
    };
    all().filter(|&place| alive[place] || is_named(place)).collect()
}

/// Rows and how to show them.
struct Table<'a> {
    rows: &'a Rows,
    columns: Vec<usize>,
    options: DataOptions,
}

impl Table<'_> {
    /// A value as it is shown.
    fn shown(&self, value: f64) -> f64 {
        if value.is_nan() {
            return if self.options.has(DataOptions::NULL2ZERO) { 0.0 } else { value };
        }
        if self.options.has(DataOptions::ABSOLUTE) { value.abs() } else { value }
    }

    fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.rows.rows().len() * (16 + 10 * self.columns.len()));
        out.extend_from_slice(b"{\"labels\":[\"time\"");
        for &place in &self.columns {
            out.push(b',');
            write_text(&mut out, &self.rows.columns[place].name);
        }
        if self.columns.is_empty() {
            out.extend_from_slice(b",\"no data\"],\"data\":[]}");
            return out;
        }
        out.extend_from_slice(b"],\"data\":[");
        self.write_rows(&mut out);
        out.extend_from_slice(b"]}");
        out
    }

    fn write_rows(&self, out: &mut Vec<u8>) {
        let objects = self.options.has(DataOptions::OBJECTROWS);
        let keys: Vec<Vec<u8>> = self.columns.iter().map(|&place| self.key(place, objects)).collect();
        let (open, close): (&[u8], u8) = if objects { (b"{\"time\":", b'}') } else { (b"[", b']') };
        let mut first = true;
        self.each_row(|time_s, values| {
            if !std::mem::replace(&mut first, false) {
                out.push(b',');
            }
            out.extend_from_slice(open);
            write_int(out, time_s);
            if self.options.has(DataOptions::MS) {
                out.extend_from_slice(b"000");
            }
            for (&place, key) in self.columns.iter().zip(&keys) {
                out.extend_from_slice(key);
                write_double(out, self.shown(values[place]));
            }
            out.push(close);
        });
    }

    /// What stands before a value of a column.
    fn key(&self, place: usize, objects: bool) -> Vec<u8> {
        let mut key = vec![b','];
        if objects {
            write_text(&mut key, &self.rows.columns[place].name);
            key.push(b':');
        }
        key
    }

    fn each_row(&self, mut f: impl FnMut(i64, &[f64])) {
        if self.options.has(DataOptions::FLIP) {
            self.rows.rows().for_each(|(time_s, values)| f(time_s, values));
        } else {
            self.rows.rows().rev().for_each(|(time_s, values)| f(time_s, values));
        }
    }

    /// The answer with what clients want to know about it.
    fn wrap(&self, asked: &Asked, query: &Query<'_>, dimensions: &str) -> Vec<u8> {
        let (rows, window) = (self.rows, self.rows.window);
        let group = query.group.word();
        let options = self.options.words().join(",");
        let id = format!(
            "chart://host:{}/instance:{}/dimensions:{}/after:{}/before:{}/points:{}/group:{group}/options:{options}",
            asked.host.info().hostname,
            query.chart,
            if dimensions.is_empty() { "*" } else { dimensions },
            query.window.after_s,
            query.window.before_s,
            query.window.points,
        );
        let result = self.json();
        let mut json = Json::with_capacity(result.len() + 1_024);
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
            json.key("group").text(group);
            json.key("options").text(&options);
            self.write_names(json, "dimension_names", |place| &rows.columns[place].name);
            self.write_names(json, "dimension_ids", |place| &rows.columns[place].id);
            json.key("functions").array(|_| ());
            self.write_latest(json, &asked.host, query.chart);
            json.key("dimensions").count(self.columns.len());
            json.key("points").count(window.points);
            json.key("format").text("json");
            json.key("db_points_per_tier").array(|json| json.count(self.columns.len() * window.points));
            json.key("result").raw(&result);
            let (min, max) = self.extremes();
            json.key("min").double(min);
            json.key("max").double(max);
        });
        json.finish()
    }

    fn write_names<'a>(&self, json: &mut Json, key: &str, text: impl Fn(usize) -> &'a str) {
        json.key(key).array(|json| match self.columns.is_empty() {
            true => json.text("no data"),
            false => self.columns.iter().for_each(|&place| json.text(text(place))),
        });
    }

    /// The newest stored values, and those of the newest row.
    fn write_latest(&self, json: &mut Json, host: &Host, chart: &str) {
        let stored: Vec<f64> = host.read(|view| {
            let Some(chart) = view.find_chart(chart) else { return Vec::new() };
            // Columns stand in the order of the chart's dimensions.
            let mut dimensions = chart.dimensions().enumerate();
            let stored = self.columns.iter().map(|&place| {
                let (index, _) = dimensions.find(|(_, dimension)| *dimension.id == *self.rows.columns[place].id)?;
                chart.dimension_state(index as u32).map(|state| state.stored.unpack())
            });
            stored.map(|value| value.unwrap_or(f64::NAN)).collect()
        });
        json.key("latest_values").array(|json| stored.iter().for_each(|&value| json.double(self.shown(value))));
        json.key("view_latest_values").array(|json| {
            if let Some((_, values)) = self.rows.rows().next_back() {
                self.columns.iter().for_each(|&place| json.double(self.shown(values[place])));
            }
        });
    }

    /// The smallest and the largest value shown; 0 where there is none.
    fn extremes(&self) -> (f64, f64) {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        self.each_row(|_, values| {
            for value in self.columns.iter().map(|&place| self.shown(values[place])).filter(|value| !value.is_nan()) {
                (min, max) = (min.min(value), max.max(value));
            }
        });
        if min > max { (0.0, 0.0) } else { (min, max) }
    }
}
