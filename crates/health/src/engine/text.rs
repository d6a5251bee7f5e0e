//! Texts for people: what an alarm is about, and its value with units.

use std::fmt::Write;

use super::facts::Chart;

/// Puts the names of a chart into the text of an alarm: `$family`, `$label:NAME`, and both in `${}`.
pub(super) fn about(text: &str, chart: &Chart) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let token = &rest[at..];
        let (name, bytes) = match token.strip_prefix("${").and_then(|within| within.split_once('}')) {
            Some((name, _)) => (name, name.len() + 3),
            None => {
                let end = token.find(char::is_whitespace).unwrap_or(token.len());
                (&token[1..end], end)
            }
        };
        let value = if name == "family" {
            Some(&*chart.family)
        } else {
            name.strip_prefix("label:").and_then(|label| chart.label(label))
        };
        out.push_str(value.unwrap_or(&token[..bytes]));
        rest = &token[bytes..];
    }
    out.push_str(rest);
    out
}

/// A value with its units, as people read it.
#[must_use]
pub fn value_string(value: f64, units: &str) -> String {
    with_units(value, units, number_string)
}

/// The same with so many decimals, zeros included.
#[must_use]
pub fn value_string_with(value: f64, units: &str, decimals: usize) -> String {
    with_units(value, units, |value| format!("{value:.decimals$}"))
}

fn with_units(value: f64, units: &str, number_string: impl FnOnce(f64) -> String) -> String {
    let lower = units.to_lowercase();
    let (of_time, is_ago) = match lower.strip_suffix(" ago") {
        Some(unit) => (unit, true),
        None => (&*lower, false),
    };
    let ago = if is_ago { " ago" } else { "" };
    let time = match of_time {
        "seconds" => Some(1),
        "minutes" => Some(60),
        "hours" => Some(3_600),
        _ => None,
    };
    if let Some(unit_s) = time {
        return duration_string(value, unit_s, ago);
    }
    if value.is_nan() {
        return "-".into();
    }
    if let Some((yes, no)) = two_words(&lower) {
        return if value == 0.0 { no } else { yes }.into();
    }
    let number = number_string(value);
    match &*lower {
        "percentage" | "percent" | "pcent" | "%" => format!("{number}%"),
        "" | "empty" | "null" => number,
        _ if units.starts_with(|c: char| c.is_ascii_alphanumeric()) => format!("{number} {units}"),
        _ => format!("{number}{units}"),
    }
}

/// Units that are two words for true and false.
fn two_words(units: &str) -> Option<(&'static str, &'static str)> {
    let plain: String = units.chars().filter(|c| c.is_ascii_alphabetic()).collect();
    match &*plain {
        "onoff" => Some(("on", "off")),
        "updown" => Some(("up", "down")),
        "okerror" => Some(("ok", "error")),
        "okfailed" => Some(("ok", "failed")),
        _ => None,
    }
}

/// More decimals for smaller numbers, without zeros at the end.
fn number_string(value: f64) -> String {
    let decimals = match value.abs() {
        1_000.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 2,
        0.01.. => 4,
        0.001.. => 5,
        0.0001.. => 6,
        _ => 7,
    };
    let text = format!("{value:.decimals$}");
    if decimals == 0 || !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

fn duration_string(value: f64, unit_s: i64, ago: &str) -> String {
    if !value.is_finite() {
        return "undefined".into();
    }
    let total = value.abs() as i64 * unit_s;
    if total == 0 {
        return "now".into();
    }
    let (days, hours, minutes, seconds) = (total / 86_400, total / 3_600 % 24, total / 60 % 60, total % 60);
    let mut out = String::new();
    let mut put = |arguments: std::fmt::Arguments<'_>| out.write_fmt(arguments).expect("a text takes all");
    match (unit_s, days) {
        (1, 0) => put(format_args!("{hours:02}:{minutes:02}:{seconds:02}")),
        (1, 1) => put(format_args!("1 day {hours:02}:{minutes:02}:{seconds:02}")),
        (1, _) => put(format_args!("{days} days {hours:02}:{minutes:02}:{seconds:02}")),
        (60, 0) if hours == 0 => put(format_args!("{minutes}m")),
        (60, 0) => put(format_args!("{hours}h {minutes}m")),
        (60, _) => put(format_args!("{days}d {hours:02}h {minutes:02}m")),
        (_, 0) => put(format_args!("{hours}h")),
        _ => put(format_args!("{days}d {hours}h")),
    }
    out.push_str(ago);
    out
}
