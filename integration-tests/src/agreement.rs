//! The whole comparison of one host on two nodes, from the first row to every value.
//!
//! The window is asked for in absolute seconds, begins some seconds after the first rows, and ends
//! well before now, because the newest rows may still be on their way.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::{Host, Window};
use crate::compare::{self, Span, Tally};
use crate::traffic;
use crate::wait::{now_s, s, until, until_or};

/// Seconds that are compared.
const SECONDS: i64 = 22;
/// Seconds by which other charts may come later than those that are needed.
const MARGIN_S: i64 = 2;
/// Seconds between the end of the window and now.
const SETTLED: i64 = 3;
/// Charts that have to be compared at least.
const CHARTS_MIN: usize = 20;
/// Values that have to be compared at least.
const VALUES_MIN: u64 = 1500;
/// How long a host may take to appear.
const APPEAR_LIMIT: Duration = s(20);

/// Waits until `host` has rows of `chart`, and yields the newest second.
///
/// # Panics
/// After 20 s.
pub fn first_row(host: &Host, chart: &str) -> i64 {
    until(APPEAR_LIMIT, &format!("rows of {chart} of {}", host.place()), || host.last_entry(chart))
}

/// Waits until `host` has rows of `chart` that are `seconds` newer than its newest now.
///
/// # Panics
/// When they take 20 s longer than that.
pub fn goes_on(host: &Host, chart: &str, seconds: i64) {
    let end = first_row(host, chart) + seconds;
    let limit = s(20 + seconds.unsigned_abs());
    let what = format!("rows of {chart} of {} up to {end}", host.place());
    until(limit, &what, || host.last_entry(chart).filter(|last| *last >= end));
}

/// Waits until everything that `left` shows is described in the same way on `right`.
///
/// # Panics
/// With what is missing.
pub fn definitions(left: &Host, right: &Host) {
    let mut missing = Vec::new();
    let complete = until_or(APPEAR_LIMIT, || {
        missing = compare::missing(left, right);
        missing.is_empty().then_some(())
    });
    assert!(complete.is_some(), "{} lacks what {} has:\n{}", right.place(), left.place(), missing.join("\n"));
    let (charts, dimensions) = size(left);
    assert!(charts >= CHARTS_MIN, "{} shows only {charts} charts", left.place());
    eprintln!("{} has all {charts} charts and {dimensions} dimensions of {}", right.place(), left.place());
}

/// What is done with charts that are given another dimension while they are watched.
///
/// Netdata 1.37 defines such a chart again and replicates it from there on; a Netdata parent then
/// stores 0 for a second or two. That is no matter of the node between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redefined {
    /// Compared as all others.
    Compared,
    /// Left out, where a Netdata is the parent.
    LeftOut,
}

/// Compares every chart that both sides have, over a window that is just over.
///
/// # Panics
/// With every difference, and when too little was there to compare.
pub fn values(left: &Host, right: &Host, redefined: Redefined) -> Tally {
    let rows = needed_charts().iter().flat_map(|chart| [first_row(left, chart), first_row(right, chart)]);
    let start = rows.max().expect("some charts are needed") + compare::SETTLING_S + MARGIN_S;
    let window = Window { after: start, before: start + SECONDS - 1 };
    let dimensions_then = dimensions(left);
    until(s(60), "the window to be over", || (now_s() >= window.before + SETTLED).then_some(()));
    let mut spans = compare::covering(left, right, window);
    if redefined == Redefined::LeftOut {
        let dimensions_now = dimensions(left);
        let same = |(id, _): &Span| dimensions_then.get(id) == dimensions_now.get(id);
        let (kept, left_out): (Vec<_>, Vec<_>) = spans.into_iter().partition(same);
        eprintln!("left out, because they were defined again meanwhile: {left_out:?}");
        spans = kept;
    }
    let whole: Vec<&str> = spans.iter().filter(|(_, part)| *part == window).map(|(id, _)| id.as_str()).collect();
    assert!(whole.len() >= CHARTS_MIN, "only these charts are on both sides for {window:?}: {whole:?}");
    for needed in needed_charts() {
        assert!(whole.contains(needed), "{needed} is not among {whole:?}");
    }
    let tally = compare::values(left, right, &spans);
    tally.assert_equal(VALUES_MIN);
    tally
}

/// Definitions, then values.
///
/// # Panics
/// As those two do.
pub fn whole(left: &Host, right: &Host, redefined: Redefined) {
    first_row(right, "system.cpu");
    definitions(left, right);
    values(left, right, redefined);
}

fn dimensions(host: &Host) -> BTreeMap<String, BTreeMap<String, String>> {
    host.charts().into_iter().map(|(id, chart)| (id, chart.dimensions)).collect()
}

fn needed_charts() -> &'static [&'static str] {
    if traffic::has_physical_interface() {
        return &["system.cpu", "system.net", "system.ram", "system.processes"];
    }
    eprintln!("this machine has no physical network interface, so no node has the chart system.net");
    &["system.cpu", "system.ram", "system.processes"]
}

fn size(host: &Host) -> (usize, usize) {
    let charts = host.charts();
    (charts.len(), charts.values().map(|chart| chart.dimensions.len()).sum())
}
