//! Whether two nodes tell the same of a host: definitions, and values second by second.
//!
//! Values are equal when they differ by no more than what two packings of one number can differ:
//! 1e-5 of the larger, or 1e-7 near 0. Seconds that are empty on both sides are equal, but do not
//! count as compared, so that two empty databases never pass for equal ones.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::api::{Chart, Data, Host, Window};

/// What two values may differ by, relative to the larger.
const RELATIVE: f64 = 1e-5;
/// What two values may differ by near 0: the last decimal that the API prints.
const ABSOLUTE: f64 = 1e-7;
/// Seconds of a chart that are left out at its beginning. A child keeps rows from the first one on,
/// while its parent asks for older rows, and hands over to live ones meanwhile; between two real
/// Netdatas the second of that hand-over may differ.
pub const SETTLING_S: i64 = 8;
/// How many differences of one chart a report shows.
const SHOWN_PER_CHART: usize = 6;

/// What a comparison found.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Values that are there on both sides and equal.
    pub equal: u64,
    /// Equal values that are not 0.
    pub equal_not_zero: u64,
    /// Values that are empty on both sides.
    pub empty: u64,
    /// Charts that were compared.
    pub charts: u64,
    /// Every difference, in words.
    pub differences: Vec<String>,
}

impl Tally {
    /// Fails if anything differs, or if fewer than `values_min` values were there to compare.
    ///
    /// # Panics
    /// With all differences.
    pub fn assert_equal(&self, values_min: u64) {
        eprintln!("compared: {self:?}");
        let count = self.differences.len();
        assert!(self.differences.is_empty(), "{count} differences:\n{}", self.differences.join("\n"));
        let equal = self.equal;
        assert!(equal >= values_min, "only {equal} values on both sides, expected {values_min} or more: {self:?}");
    }
}

/// A chart and the seconds over which it is compared.
pub type Span = (String, Window);

/// Compares charts of two hosts; `left` is the side that is taken as right.
pub fn values(left: &Host, right: &Host, spans: &[Span]) -> Tally {
    let mut tally = Tally::default();
    for (chart, window) in spans {
        tally.charts += 1;
        match (left.try_data(chart, *window), right.try_data(chart, *window)) {
            (Ok(a), Ok(b)) => chart_values(&mut tally, chart, &a, &b),
            (Err(err), _) => tally.differences.push(format!("{chart}: {} says {err}", left.place())),
            (_, Err(err)) => tally.differences.push(format!("{chart}: {} says {err}", right.place())),
        }
    }
    tally
}

/// The charts that `right` has too and that `left` still collects at the end of `window`, each with
/// the part of it that begins when its beginning is over on both sides.
pub fn covering(left: &Host, right: &Host, window: Window) -> Vec<Span> {
    let right = right.charts();
    let both = |(id, chart): (String, Chart)| {
        let part = overlap(&chart, right.get(&id)?, window)?;
        Some((id, part))
    };
    left.charts().into_iter().filter_map(both).collect()
}

fn overlap(left: &Chart, right: &Chart, window: Window) -> Option<Window> {
    let settled = left.first_entry.max(right.first_entry) + SETTLING_S + left.update_every;
    let part = Window { after: window.after.max(settled), before: window.before };
    let goes_on = left.last_entry > window.before - left.update_every;
    (goes_on && part.seconds() > left.update_every).then_some(part)
}

/// What `left` shows and `right` does not: charts, dimensions, and what describes them.
pub fn missing(left: &Host, right: &Host) -> Vec<String> {
    let (left, right) = match (left.try_charts(), right.try_charts()) {
        (Ok(left), Ok(right)) => (left, right),
        (Err(err), _) | (_, Err(err)) => return vec![err],
    };
    missing_of(&left, &right)
}

/// The same, of charts already read.
pub fn missing_of(left: &BTreeMap<String, Chart>, right: &BTreeMap<String, Chart>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, chart) in left {
        match right.get(id) {
            None => found.push(format!("chart {id} is missing")),
            Some(other) => definition(&mut found, id, chart, other),
        }
    }
    found
}

fn definition(found: &mut Vec<String>, id: &str, left: &Chart, right: &Chart) {
    for key in ["name", "type", "family", "context", "title", "units", "chart_type", "priority", "update_every"] {
        let (a, b) = (&left.all[key], &right.all[key]);
        if a != b {
            found.push(format!("chart {id}: {key} is {a} here, {b} there"));
        }
    }
    for (dimension, name) in &left.dimensions {
        match right.dimensions.get(dimension) {
            None => found.push(format!("chart {id}: dimension {dimension} is missing")),
            Some(other) if other != name => {
                found.push(format!("chart {id}: dimension {dimension} is called {name} here, {other} there"));
            }
            Some(_) => {}
        }
    }
}

fn chart_values(tally: &mut Tally, chart: &str, left: &Data, right: &Data) {
    let mut differences = Vec::new();
    for name in &left.dimensions {
        let (Some(a), Some(b)) = (left.column(name), right.column(name)) else {
            differences.push(format!("{chart}: dimension {name} is missing"));
            continue;
        };
        let b: BTreeMap<i64, Option<f64>> = b.into_iter().collect();
        for (second, a) in a {
            match b.get(&second) {
                None => differences.push(format!("{chart} {name} {second}: {} against no row", text(a))),
                Some(b) => value(tally, &mut differences, a, *b, || format!("{chart} {name} {second}")),
            }
        }
    }
    for second in right.rows.keys().filter(|second| !left.rows.contains_key(*second)) {
        differences.push(format!("{chart} {second}: no row against one"));
    }
    shorten(chart, &mut differences);
    tally.differences.append(&mut differences);
}

fn value(tally: &mut Tally, differences: &mut Vec<String>, a: Option<f64>, b: Option<f64>, at: impl Fn() -> String) {
    match (a, b) {
        (None, None) => tally.empty += 1,
        (Some(x), Some(y)) if close(x, y) => {
            tally.equal += 1;
            tally.equal_not_zero += u64::from(x != 0.0);
        }
        _ => differences.push(format!("{}: {} against {}", at(), text(a), text(b))),
    }
}

/// Whether two values are the same but for packing.
pub fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= (a.abs().max(b.abs()) * RELATIVE).max(ABSOLUTE)
}

fn text(value: Option<f64>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

fn shorten(chart: &str, differences: &mut Vec<String>) {
    let more = differences.len().saturating_sub(SHOWN_PER_CHART);
    if more > 0 {
        differences.truncate(SHOWN_PER_CHART);
        let mut line = String::new();
        write!(line, "{chart}: and {more} more").expect("a String takes everything");
        differences.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(rows: &[(i64, Option<f64>)]) -> Data {
        Data {
            dimensions: vec!["a".to_owned()],
            rows: rows.iter().map(|(second, value)| (*second, vec![*value])).collect(),
        }
    }

    /// Goal: only what packing can cause counts as equal.
    #[test]
    fn closeness() {
        for (a, b) in [(0.0, 0.0), (0.0, 1e-7), (1.0, 1.000_009), (-5e9, -5.000_04e9), (0.5, 0.500_004)] {
            assert!(close(a, b) && close(b, a), "{a} and {b}");
        }
        for (a, b) in [(0.0, 3e-7), (1.0, 1.000_02), (1.0, -1.0), (0.0, 1.0), (f64::NAN, 1.0)] {
            assert!(!close(a, b) && !close(b, a), "{a} and {b}");
        }
    }

    /// Goal: every kind of difference is found and named; empty pairs are counted apart.
    #[test]
    fn differences_are_named() {
        let mut tally = Tally::default();
        let left = data(&[(1, Some(1.0)), (2, None), (3, Some(0.0)), (4, Some(5.0)), (5, Some(7.0))]);
        let right = data(&[(1, Some(1.0)), (2, None), (3, Some(0.0)), (4, Some(6.0)), (6, Some(7.0))]);
        chart_values(&mut tally, "x.y", &left, &right);
        assert_eq!((tally.equal, tally.equal_not_zero, tally.empty), (2, 1, 1));
        let expected = ["x.y a 4: 5 against 6", "x.y a 5: 7 against no row", "x.y 6: no row against one"];
        assert_eq!(tally.differences, expected);
    }

    /// Goal: a value against nothing is a difference, on either side.
    #[test]
    fn nothing_is_not_a_value() {
        let mut tally = Tally::default();
        chart_values(&mut tally, "x.y", &data(&[(1, Some(0.0)), (2, None)]), &data(&[(1, None), (2, Some(0.0))]));
        assert_eq!(tally.differences, ["x.y a 1: 0 against null", "x.y a 2: null against 0"]);
    }

    /// Goal: a comparison of too little fails although nothing differs.
    #[test]
    #[should_panic(expected = "only 1 values on both sides")]
    fn too_little_fails() {
        let mut tally = Tally::default();
        chart_values(&mut tally, "x.y", &data(&[(1, Some(1.0)), (2, None)]), &data(&[(1, Some(1.0)), (2, None)]));
        tally.assert_equal(2);
    }

    /// Goal: a dimension that the other side lacks is a difference.
    #[test]
    fn missing_dimension() {
        let mut tally = Tally::default();
        let other = Data { dimensions: vec!["b".to_owned()], rows: [(1, vec![Some(1.0)])].into() };
        chart_values(&mut tally, "x.y", &data(&[(1, Some(1.0))]), &other);
        assert_eq!(tally.differences, ["x.y: dimension a is missing"]);
    }
}
