//! What is older than the history is answered from tiers, also after a node was killed.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fmt::Write as _;

use integration_tests::API_KEY;
use integration_tests::api::{Data, Host, Window};
use integration_tests::node;
use integration_tests::peer::scripted;
use integration_tests::wait::{now_s, pass, s, until};

const CHART: &str = "test.history";
const GUID: &str = "7be4a51c-0000-4000-8000-00000000a001";
/// Rows that the master keeps, and those that the child has.
const HISTORY: i64 = 300;
const ROWS: i64 = 7_200;

/// What the child stored at a second; every 37th row is missing.
fn value(second: i64) -> Option<f64> {
    (second % 37 != 0).then_some((second % 1_000) as f64 / 4.0)
}

/// A child's history up to `last`, in one answer.
fn history(last: i64) -> String {
    let first = last - ROWS + 1;
    let mut text = scripted::definition(CHART);
    writeln!(text, "CHART_DEFINITION_END {first} {last} {last}\nRBEGIN \"{CHART}\"").unwrap();
    for second in first..=last {
        if let Some(value) = value(second) {
            writeln!(text, "RBEGIN \"\" {} {second} {last}\nRSET \"a\" {value} \"\"", second - 1).unwrap();
        }
    }
    writeln!(text, "REND 1 {first} {last} true {first} {last} {last}").unwrap();
    text
}

/// Minutes of `window` as the API tells them: rows of a minute each.
fn minutes(host: &Host, window: Window) -> Data {
    host.data_of(CHART, window, window.seconds() / 60)
}

/// Asserts that each minute has the average of its rows.
fn assert_minutes(host: &Host, window: Window, what: &str) {
    let data = minutes(host, window);
    assert_eq!(data.rows.len() as i64, window.seconds() / 60, "{what}");
    for (end, row) in &data.rows {
        let values: Vec<f64> = (end - 59..=*end).filter_map(value).collect();
        let expected = values.iter().sum::<f64>() / values.len() as f64;
        let found = row[0].unwrap_or_else(|| panic!("{what}: nothing in the minute before {end}"));
        assert!((found - expected).abs() < 1e-5 * expected, "{what}: {end}: {found}, expected {expected}");
    }
}

/// Goal: a child brings two hours at once to a master that keeps five minutes of rows and a week of
/// minutes; each minute is there, exact, before and after the master is killed.
#[test]
fn minutes_outlive_rows_and_a_kill() {
    let settings = node::master("ti-master").set("collect.enabled", "false").set("global.memory_mode", "map");
    let settings = settings.set("global.history", &HISTORY.to_string()).set("global.tiers", "[\"1m:7d\"]");
    let mut master = settings.accepts(API_KEY).start();
    let last = now_s() - 2;
    let mut child = scripted::Scripted::connect_as(master.address(), API_KEY, "ti-box", GUID, "&ver=15352").unwrap();
    assert!(child.answer().contains("with the version="), "{}", child.answer());
    child.send(&history(last)).unwrap();
    let host = master.api().host("ti-box");
    until(s(20), "the last row", || host.last_entry(CHART).filter(|entry| *entry >= last - 1));
    let first = host.charts()[CHART].first_entry;
    assert!(first < last - ROWS + 120, "the chart begins at {first}, rows at {}", last - ROWS + 1);
    // The first minute is not whole, and the last two hours end with rows.
    let window = Window { after: (last - ROWS) / 60 * 60 + 61, before: last / 60 * 60 };
    assert!(window.seconds() > 4 * HISTORY);
    assert_minutes(&host, window, "before");
    // The promise of mode map: a kill costs the current second.
    pass(s(2));
    master.kill();
    drop(child);
    master.start_again();
    assert_minutes(&master.api().host("ti-box"), window, "after a kill");
    let data = minutes(&master.api().host("ti-box"), Window { after: last - 59, before: last });
    assert!(data.rows.values().all(|row| row[0].is_some()), "the newest rows are there, too");
}
