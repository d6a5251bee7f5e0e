//! `badge.svg`: one value of a chart, or of an alarm, as a small picture for other pages.
//!
//! Here a URL becomes a label, a value and their colours; `color` knows the colours, `picture`
//! paints. What cannot be shown is a picture, too: who embeds it sees why.

mod color;
mod picture;

use std::borrow::Cow;

use health::engine::{Alarm, value_string, value_string_with};
use health::expression::Status;
use rrd_store::query::{Charts, Combine, Missing, Query, QueryError};

use super::alarms;
use super::data::{DataOptions, Selection};
use crate::Node;
use crate::answer::{Answer, PLAIN};
use crate::gate::Asked;
use crate::older::{Later, Means};
use crate::params::Params;
use color::{Color, choose};
use picture::{Picture, Widths};

/// How many of its intervals a chart may be behind before its value is not worth showing.
const LATE_INTERVALS: i64 = 3;
/// Seconds after which a badge comes again, at most.
const REFRESH_S_MAX: i64 = 86_400;
const PRECISION_MAX: i64 = 15;
const LABEL_COLOR: Color = Color::named(0x555555);
const VALUE_COLOR: Color = Color::named(0x44cc11);
const NO_VALUE_COLOR: Color = Color::named(0x999999);

/// What is shown, before the URL's wishes of how.
struct Shown {
    label: String,
    value: f64,
    units: String,
    status: Option<Status>,
    /// Seconds until it is worth asking again.
    every_s: i64,
    /// What an archive did not give.
    missing: Option<Missing>,
}

/// What is told of the chart.
struct Chart {
    name: String,
    units: String,
    every_s: i64,
    last_s: i64,
}

/// A picture, unless it takes long.
pub(super) fn answer(node: &Node, asked: &Asked, means: Means<'_>) -> Result<Answer, Later> {
    let params = &asked.params;
    let Some(id) = params.text("chart") else {
        return Ok(Answer::bad_request("No chart id is given at the request.").of_type(PLAIN));
    };
    let chart = asked.host.read(|view| {
        view.find_chart(id).map(|chart| Chart {
            name: chart.name().into(),
            units: chart.definition().units.into(),
            every_s: i64::from(chart.definition().update_every_s),
            last_s: chart.last_s(),
        })
    });
    let Some(chart) = chart else { return Ok(missing("chart not found")) };
    let shown = match params.text("alarm") {
        Some(name) => match of_alarm(node, asked, id, name) {
            Some(shown) => shown,
            None => return Ok(missing("alarm not found")),
        },
        None => of_chart(asked, id, chart, node.now().wall_s(), means)?,
    };
    let refresh_s = match params.text("refresh") {
        Some("auto") => shown.every_s,
        Some(_) => params.number("refresh", 0).clamp(0, REFRESH_S_MAX),
        None => 0,
    };
    let may_be_kept = refresh_s > 0 && shown.status.is_some();
    Ok(Answer::new(picture::SVG, paint(params, &shown)).again_in(refresh_s, may_be_kept).missing(shown.missing))
}

/// A picture that says what is not there.
fn missing(what: &str) -> Answer {
    let picture = Picture::plain(what, "-", LABEL_COLOR, NO_VALUE_COLOR);
    Answer::new(picture::SVG, picture.paint())
}

fn of_alarm(node: &Node, asked: &Asked, chart: &str, name: &str) -> Option<Shown> {
    let is_it = |alarm: &&Alarm| &*alarm.name == name && (&*alarm.chart == chart || &*alarm.chart_name == chart);
    let shown = |alarm: &Alarm| Shown {
        label: name.replace('_', " "),
        value: alarm.state.value,
        units: alarm.units.to_string(),
        status: Some(alarm.state.status),
        every_s: i64::from(alarm.definition.every_s),
        missing: None,
    };
    alarms::with(node, &asked.host, |watched| watched.alarms().iter().find(is_it).map(shown)).flatten()
}

fn of_chart(asked: &Asked, id: &str, chart: Chart, now_s: i64, means: Means<'_>) -> Result<Shown, Later> {
    let selection = Selection::of(&asked.params);
    let mut window = selection.window;
    if asked.params.text("after").is_none() {
        window.after_s = -chart.every_s;
    }
    window.points = asked.params.number("points", 1).max(1);
    let Means { reads_max, archive } = means;
    let query = Query { window, reads_max, archive, ..selection.query(Charts::One(id)) };
    let is_late = chart.last_s < now_s - LATE_INTERVALS * chart.every_s;
    let rows = match asked.host.query(&query, now_s) {
        Err(error @ (QueryError::TooLong(_) | QueryError::Waits)) => {
            return Err(Later::of(error).unwrap_or(Later::IsLong));
        }
        found => found.ok().filter(|_| !is_late),
    };
    let how = if selection.options.has(DataOptions::MIN2MAX) { Combine::MinToMax } else { Combine::Sum };
    let value = rows.as_ref().and_then(|rows| rows.rows().next_back()?.1.combine(how)).unwrap_or(f64::NAN);
    let missing = rows.as_ref().and_then(|rows| rows.missing);
    let is_percentage = selection.options.has(DataOptions::PERCENTAGE);
    let every_s = match rows {
        Some(rows) if !window.unaligned => (rows.window.step_s * rows.window.points as i64).max(1),
        _ => chart.every_s,
    };
    let named = selection.dimensions.trim_start_matches('|');
    Ok(Shown {
        label: if named.is_empty() { chart.name } else { named.into() },
        value,
        units: if is_percentage { "%".into() } else { chart.units },
        status: None,
        every_s,
        missing,
    })
}

fn paint(params: &Params, shown: &Shown) -> Vec<u8> {
    let factor = |name: &str| Some(params.number(name, 1)).filter(|&number| number != 0).unwrap_or(1) as f64;
    let value = shown.value * factor("multiply") / factor("divide");
    let units = params.text("units").unwrap_or(&shown.units);
    // The colour is that of the value with its sign.
    let is_absolute = DataOptions::read(params.all(&["options"])).has(DataOptions::DISPLAY_ABSOLUTE);
    let told = if is_absolute { value.abs() } else { value };
    let text = match params.number("precision", -1) {
        0.. => value_string_with(told, units, params.number("precision", 0).min(PRECISION_MAX) as usize),
        _ => value_string(told, units),
    };
    let value_color = match (params.text("value_color"), shown.status) {
        (Some(wished), _) => choose(wished, value),
        (None, Some(status)) => of_status(status),
        (None, None) if value.is_nan() => NO_VALUE_COLOR,
        (None, None) => VALUE_COLOR,
    };
    let color = |name: &str, default| params.text(name).map_or(default, Color::parse);
    let white = Color::named(0xffffff);
    Picture {
        label: &params.text("label").map_or(Cow::Borrowed(&*shown.label), Cow::Borrowed),
        value: &text,
        label_color: color("label_color", LABEL_COLOR),
        value_color,
        label_text_color: color("text_color_lbl", white),
        value_text_color: color("text_color_val", white),
        scale: params.number("scale", 100),
        widths: Widths::of(params.number("fixed_width_lbl", 0), params.number("fixed_width_val", 0)),
    }
    .paint()
}

fn of_status(status: Status) -> Color {
    match status {
        Status::Critical => Color::parse("red"),
        Status::Warning => Color::parse("orange"),
        Status::Clear => Color::parse("brightgreen"),
        Status::Undefined => Color::parse("lightgrey"),
        _ => Color::parse("grey"),
    }
}
