//! Our collector and a real Netdata on the same machine in the same minutes: the charts of both, and
//! their values second by second.
//!
//! Both stream what they collect to one master of ours, so that rates are made of it in one way. They
//! look at the machine at different moments of a second, so values are never the same:
//!
//! - a gauge is right if it lies among the other side's values of that second and those beside it, or
//!   no further away than it moves from one second to the next at that time;
//! - a counter is right if its sum over the window is, within 0.5 % and what passed in the seconds at
//!   each end, which one side may count and the other not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::api::{Chart, Data, Host, Window};
use crate::node::{self, Node};
use crate::peer::netdata::{self, Netdata};
use crate::wait::{now_s, s, until};
use crate::{API_KEY, agreement, compare};

/// The parts of Netdata that collect what we collect.
pub const PLUGINS: &[&str] = &["proc", "diskspace", "cgroups", "timex", "idlejitter"];
/// Charts of theirs that we do not have, by the beginning of the id where it ends with `*`, and why.
const MISSING: &[(&str, &str)] = &[
    ("disk_space._dev*", "what lies in /dev stores nothing: 2.11 leaves it out, too"),
    ("disk_inodes._dev*", "what lies in /dev stores nothing: 2.11 leaves it out, too"),
    ("disk_qops.*", "appears with the first request that a look finds in flight, which the other side's may not"),
];
/// Dimensions of theirs that we do not have: chart, dimension, and why.
const MISSING_DIMENSIONS: &[(&str, &str, &str)] = &[];
/// Charts whose values tell of the program and not of the machine.
const OF_THE_PROGRAM: &[(&str, &str)] =
    &[("system.idlejitter", "each side's own sleeps"), ("netdata.*", "its own cost")];
/// What describes a chart; titles are our own words.
const DESCRIBES: [&str; 10] =
    ["name", "type", "family", "context", "units", "chart_type", "priority", "update_every", "plugin", "module"];
/// Charts of counters whose units do not say so.
const COUNTERS: &[&str] = &["system.cpu", "cpu.cpu", "disk.busy", "disk.backlog", "net.fifo"];
/// Units of counters, beside all that end with "/s".
const COUNTER_UNITS: &[&str] = &["ms"];

/// What sums may differ by, relative to the larger.
const SUMS_RELATIVE: f64 = 0.005;
/// Of a hundred percent that are shared out among dimensions, so many points.
const POINTS: f64 = 0.5;
/// Seconds before and after one in which is looked how far a gauge moves from one to the next.
const MOVES_S: usize = 5;
/// One second in so many may have seen what the other side did not, such as a burst between two looks: a
/// program beside the test that takes and gives back memory makes several.
const SECONDS_PER_MISS: usize = 6;
/// What the API rounds away.
const ROUNDING: f64 = 1e-5;
/// Seconds between the end of the window and now.
const SETTLED_S: i64 = 4;
/// Charts that have to be compared at least, and values.
const CHARTS_MIN: usize = 60;
const VALUES_MIN: usize = 5000;

/// A collector and a Netdata, both streaming to one master.
#[derive(Debug)]
pub struct Pair {
    /// Where both stream to.
    pub master: Node,
    /// Ours.
    pub collector: Node,
    /// Theirs: without a database, as a child that streams is.
    pub child: Netdata,
    ours: Host,
    theirs: Host,
}

impl Pair {
    /// Starts all three, and waits until both sides have rows.
    ///
    /// # Panics
    /// When one does not start or stream.
    pub fn start(prefix: &str) -> Self {
        let master = node::master(&format!("{prefix}-master")).set("collect.enabled", "false").accepts(API_KEY).start();
        let names = ["ours", "theirs"].map(|side| format!("{prefix}-{side}"));
        let child = netdata::named(&names[1]).memory_mode("none").plugins(PLUGINS).compression(true);
        let child = child.sends_to(master.address(), API_KEY).start();
        let collector = node::collector(&names[0]).sends_to(master.address(), API_KEY).start();
        let [ours, theirs] = names.map(|name| master.api().host(&name));
        for host in [&ours, &theirs] {
            agreement::first_row(host, "system.cpu");
        }
        Self { master, collector, child, ours, theirs }
    }

    /// Our host.
    pub fn ours(&self) -> &Host {
        &self.ours
    }

    /// Their host.
    pub fn theirs(&self) -> &Host {
        &self.theirs
    }

    /// A window of so many seconds, the first in which both sides have settled.
    pub fn window(&self, seconds: i64) -> Window {
        let first = |host: &Host| host.charts()["system.cpu"].first_entry;
        let after = first(&self.ours).max(first(&self.theirs)) + compare::SETTLING_S + 2;
        Window { after, before: after + seconds - 1 }
    }

    /// Waits until `window` is over and its rows have come.
    ///
    /// # Panics
    /// When that is not the case in time.
    pub fn wait_for(&self, window: Window) {
        let end = window.before + SETTLED_S;
        let limit = s((end - now_s()).max(0).unsigned_abs() + 10);
        until(limit, "the window to be over", || (now_s() >= end).then_some(()));
    }

    /// Compares charts, dimensions and values; prints what was found.
    ///
    /// # Panics
    /// With everything that is missing without a reason, described differently, or has other values.
    pub fn compare(&self, window: Window) {
        let (ours, theirs) = (self.ours.charts(), self.theirs.charts());
        let mut problems = Vec::new();
        print!("{}", inclusion(&ours, &theirs, &mut problems));
        let mut values = 0;
        let mut charts = 0;
        for (id, chart) in shared(&ours, &theirs, window) {
            let sides = [&self.ours, &self.theirs].map(|host| host.data(&id, window));
            values += compare_chart(&id, &chart, &sides, &mut problems);
            charts += 1;
        }
        println!("values: {charts} charts over {} s, {values} values on each side", window.seconds());
        assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
        assert!(charts >= CHARTS_MIN && values >= VALUES_MIN, "too little was there to compare");
    }
}

/// The table of charts and dimensions of both; what is missing without a reason, or described
/// differently, is a problem.
fn inclusion(ours: &BTreeMap<String, Chart>, theirs: &BTreeMap<String, Chart>, problems: &mut Vec<String>) -> String {
    let dimensions =
        |charts: &BTreeMap<String, Chart>| charts.values().map(|chart| chart.dimensions.len()).sum::<usize>();
    let both = theirs.keys().filter(|id| ours.contains_key(*id)).count();
    let mut table = format!("{:24}{:>10}{:>12}\n", "", "charts", "dimensions");
    for (who, charts) in [("Netdata 1.37.1", theirs), ("ours", ours)] {
        writeln!(table, "{who:24}{:>10}{:>12}", charts.len(), dimensions(charts)).expect("a String takes everything");
    }
    writeln!(table, "{:24}{both:>10}", "of both").expect("a String takes everything");
    let mut used = BTreeSet::new();
    for (id, chart) in theirs {
        match (ours.get(id), MISSING.iter().find(|(pattern, _)| matches(pattern, id))) {
            (Some(other), _) => describe(id, chart, other, problems),
            (None, Some((pattern, reason))) => {
                used.insert(pattern);
                writeln!(table, "left out: {id}: {reason}").expect("a String takes everything");
            }
            (None, None) => problems.push(format!("chart {id} is missing")),
        }
    }
    for (pattern, _) in MISSING.iter().filter(|(pattern, _)| !used.contains(pattern)) {
        writeln!(table, "no chart {pattern} is missing here").expect("a String takes everything");
    }
    table
}

fn describe(id: &str, theirs: &Chart, ours: &Chart, problems: &mut Vec<String>) {
    for key in DESCRIBES {
        let (a, b) = (&theirs.all[key], &ours.all[key]);
        if a != b {
            problems.push(format!("chart {id}: {key} is {a} there, {b} here"));
        }
    }
    for (dimension, name) in &theirs.dimensions {
        let excused = MISSING_DIMENSIONS.iter().any(|(chart, of, _)| matches(chart, id) && matches(of, dimension));
        match ours.dimensions.get(dimension) {
            None if !excused => problems.push(format!("chart {id}: dimension {dimension} is missing")),
            Some(other) if other != name => {
                problems.push(format!("chart {id}: dimension {dimension} is called {name} there, {other} here"));
            }
            _ => {}
        }
    }
}

/// Whether `id` is `pattern`, or begins with it where that ends with `*`.
fn matches(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |beginning| id.starts_with(beginning))
}

/// The charts of both sides that were there for the whole window.
fn shared(
    ours: &BTreeMap<String, Chart>,
    theirs: &BTreeMap<String, Chart>,
    window: Window,
) -> impl Iterator<Item = (String, Chart)> {
    let whole = |chart: &Chart| {
        let settled = chart.first_entry + compare::SETTLING_S.max(2 * chart.update_every);
        settled <= window.after && chart.last_entry + chart.update_every > window.before
    };
    let of_the_program = |id: &str| OF_THE_PROGRAM.iter().any(|(pattern, _)| matches(pattern, id));
    let found =
        theirs.iter().filter(|(id, chart)| whole(chart) && ours.get(*id).is_some_and(&whole) && !of_the_program(id));
    found.map(|(id, chart)| (id.clone(), chart.clone())).collect::<Vec<_>>().into_iter()
}

/// Compares all dimensions that both have; returns how many values there were.
fn compare_chart(id: &str, chart: &Chart, [ours, theirs]: &[Data; 2], problems: &mut Vec<String>) -> usize {
    let mut count = 0;
    for name in &theirs.dimensions {
        let (Some(a), Some(b)) = (column(ours, name, chart), column(theirs, name, chart)) else { continue };
        if a.len() != b.len() || a.len() < 2 {
            problems.push(format!("{id} {name}: {} values here, {} there", a.len(), b.len()));
            continue;
        }
        count += a.len();
        let wrong = if is_counter(chart) { sums(&a, &b, shares(chart)) } else { gauges(&a, &b) };
        problems.extend(wrong.map(|wrong| format!("{id} {name}: {wrong}")));
    }
    count
}

/// The values of a dimension at the seconds at which the chart has rows; what is missing is left out.
fn column(data: &Data, name: &str, chart: &Chart) -> Option<Vec<f64>> {
    let column = data.column(name)?;
    let rows = column.into_iter().filter(|(second, _)| second % chart.update_every == 0);
    Some(rows.filter_map(|(_, value)| value).collect())
}

fn text<'a>(chart: &'a Chart, key: &str) -> &'a str {
    chart.all[key].as_str().unwrap_or_default()
}

fn is_counter(chart: &Chart) -> bool {
    let (context, units) = (text(chart, "context"), text(chart, "units"));
    units.ends_with("/s") || COUNTER_UNITS.contains(&units) || COUNTERS.contains(&context)
}

/// Whether the dimensions share a hundred percent.
fn shares(chart: &Chart) -> bool {
    text(chart, "units") == "percentage"
}

/// What is wrong with the sums of a counter.
fn sums(ours: &[f64], theirs: &[f64], shares: bool) -> Option<String> {
    let [a, b] = [ours, theirs].map(|values| values.iter().sum::<f64>());
    let most = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let end = |part: fn(&[f64]) -> &[f64]| most(part(ours)).max(most(part(theirs)));
    let passed = end(|values| &values[..2]) + end(|values| &values[values.len() - 2..]);
    let points = if shares { POINTS * ours.len() as f64 } else { 0.0 };
    let may_differ = SUMS_RELATIVE * a.abs().max(b.abs()) + passed + points + ROUNDING;
    ((a - b).abs() > may_differ)
        .then(|| format!("a sum of {a:.3} here, {b:.3} there, where {may_differ:.3} is between them"))
}

/// What is wrong with the values of a gauge.
fn gauges(ours: &[f64], theirs: &[f64]) -> Option<String> {
    let is_miss = |&at: &usize| {
        let (least, most) = range(theirs, at);
        let moves = moves(ours, at).max(moves(theirs, at)) + ROUNDING + ROUNDING * most.abs().max(least.abs());
        ours[at] < least - moves || ours[at] > most + moves
    };
    let misses: Vec<usize> = (0..ours.len()).filter(is_miss).collect();
    (misses.len() > ours.len() / SECONDS_PER_MISS).then(|| {
        let at = misses[0];
        let (first, count) = (ours[at], misses.len());
        format!("{count} of {} values, the first {first} here, {:?} there", ours.len(), range(theirs, at))
    })
}

/// The least and the greatest value of a second and those beside it.
fn range(values: &[f64], at: usize) -> (f64, f64) {
    let beside = &values[at.saturating_sub(1)..(at + 2).min(values.len())];
    let least = beside.iter().copied().fold(f64::INFINITY, f64::min);
    (least, beside.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// How far a gauge moves from one second to the next, at most, around this time.
fn moves(values: &[f64], at: usize) -> f64 {
    let around = &values[at.saturating_sub(MOVES_S)..(at + MOVES_S + 1).min(values.len())];
    around.windows(2).fold(0.0, |most, pair| most.max((pair[1] - pair[0]).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: sums that differ by what passes at the ends are right, others are not.
    #[test]
    fn sums_right_and_wrong() {
        let even = [10.0; 40];
        let burst = |at: usize, more: f64| {
            let mut values = even;
            values[at] += more;
            values
        };
        assert_eq!(sums(&even, &burst(20, 21.0), false), None);
        assert!(sums(&even, &burst(20, 24.0), false).is_some());
        assert_eq!(sums(&even, &burst(0, 14.0), false), None, "at the end it may belong to the second before");
        assert!(sums(&even, &even.map(|value| value * 1.1), false).is_some(), "a wrong factor is found");
        assert!(sums(&even, &even.map(|value| -value), false).is_some());
        assert!(sums(&even, &[0.0; 40], false).is_some());
        assert_eq!(sums(&[1.0; 40], &[1.4; 40], true), None, "half a point of a hundred percent");
        assert!(sums(&[1.0; 40], &[1.7; 40], true).is_some());
    }

    /// Goal: gauges are right while they are near in time, and wrong where they are elsewhere.
    #[test]
    fn gauges_right_and_wrong() {
        let rising: Vec<f64> = (0..40).map(f64::from).collect();
        let later: Vec<f64> = rising.iter().map(|value| value + 0.9).collect();
        assert_eq!(gauges(&rising, &later), None);
        let elsewhere: Vec<f64> = rising.iter().map(|value| value + 4.0).collect();
        assert!(gauges(&rising, &elsewhere).is_some());
        assert_eq!(gauges(&[5.0; 40], &[5.0; 40]), None);
        assert!(gauges(&[5.0; 40], &[5.1; 40]).is_some(), "what does not move is the same");
        let spike = |at: usize| (0..40).map(|second| if second == at { 9.0 } else { 5.0 }).collect::<Vec<f64>>();
        assert_eq!(gauges(&spike(7), &[5.0; 40]), None, "one look may see what the other does not");
    }

    /// Goal: a pattern is a whole id, or a beginning.
    #[test]
    fn patterns() {
        assert!(matches("a.b", "a.b") && matches("a.*", "a.b") && matches("*", "a.b"));
        assert!(!matches("a.b", "a.bc") && !matches("b*", "a.b"));
    }
}
