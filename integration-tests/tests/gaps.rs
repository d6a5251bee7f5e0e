//! A node that is away, for whatever reason, costs no row of a collector that kept running.
#![allow(clippy::unwrap_used, reason = "test code")]

use integration_tests::api::{Host, Window};
use integration_tests::node::{self, Node, Settings};
use integration_tests::wait::{now_s, pass, s, until};
use integration_tests::{API_KEY, agreement};

const CHARTS: [&str; 4] = ["system.cpu", "system.ram", "system.processes", "system.uptime"];
/// How long a node is away.
const AWAY_S: u64 = 8;

fn quiet(settings: Settings) -> Settings {
    settings.set("collect.enabled", "false").accepts(API_KEY)
}

/// A collector that streams straight to a master, and how the host is seen there.
fn pair(prefix: &str, memory_mode: &str) -> (Node, Node, Host) {
    let master = quiet(node::master(&format!("{prefix}-master"))).set("global.memory_mode", memory_mode).start();
    let collector = node::collector(&format!("{prefix}-box")).sends_to(master.address(), API_KEY).start();
    let host = master.api().host(&format!("{prefix}-box"));
    agreement::goes_on(&host, CHARTS[0], 4);
    (collector, master, host)
}

/// The first second of a chart that has a value, and the last.
fn span(host: &Host, chart: &str) -> (i64, i64) {
    let last = host.last_entry(chart).unwrap();
    let data = host.data(chart, Window { after: last - 120, before: last });
    let column = data.column(&data.dimensions[0]).unwrap();
    let first = column.iter().filter(|(_, value)| value.is_some()).map(|(second, _)| *second).min().unwrap();
    (first, last)
}

/// Asserts that no second from `from` up to now is missing, in any of the charts.
fn assert_complete(host: &Host, from: i64) {
    let now = now_s();
    for chart in CHARTS {
        until(s(15), &format!("{chart} to go on"), || host.last_entry(chart).filter(|last| *last > now));
        let data = host.data(chart, Window { after: from, before: now });
        for name in &data.dimensions {
            let column = data.column(name).unwrap();
            let missing: Vec<i64> = column
                .iter()
                .filter(|(second, value)| *second >= from && value.is_none())
                .map(|(second, _)| *second)
                .collect();
            assert!(missing.is_empty(), "{chart} {name} misses {missing:?} of {from}..{now}");
            assert!(column.len() as i64 > now - from, "{chart} {name} has {} rows of {from}..{now}", column.len());
        }
    }
}

fn is_away(node: &mut Node, stop: impl FnOnce(&mut Node)) {
    stop(node);
    pass(s(AWAY_S));
    node.start_again();
}

/// Goal: a master that keeps its rows on the disk is killed; not one row is missing afterwards,
/// neither of those before, nor of those while it was away.
#[test]
fn killed_master() {
    let (_collector, mut master, host) = pair("gk", "map");
    let (from, _) = span(&host, CHARTS[0]);
    is_away(&mut master, Node::kill);
    assert_complete(&host, from + 1);
}

/// Goal: the same with a master that saves its rows at an orderly stop.
#[test]
fn stopped_master() {
    let (_collector, mut master, host) = pair("gs", "save");
    let (from, _) = span(&host, CHARTS[0]);
    is_away(&mut master, Node::terminate);
    assert_complete(&host, from + 1);
}

/// Goal: a proxy without a database between the two is killed; the master misses nothing.
#[test]
fn killed_proxy() {
    let master = quiet(node::master("gp-master")).start();
    let proxy = quiet(node::proxy("gp-proxy")).set("global.memory_mode", "none");
    let mut proxy = proxy.sends_to(master.address(), API_KEY).start();
    let _collector = node::collector("gp-box").sends_to(proxy.address(), API_KEY).start();
    let host = master.api().host("gp-box");
    agreement::goes_on(&host, CHARTS[0], 4);
    let (from, _) = span(&host, CHARTS[0]);
    is_away(&mut proxy, Node::kill);
    assert_complete(&host, from + 1);
}

/// Goal: rows that a collector could not deliver are not lost when it is restarted in order: the
/// spool goes with it. The seconds in which nobody collected are the only ones missing.
#[test]
fn restarted_collector() {
    let (mut collector, mut master, host) = pair("gc", "map");
    let (from, _) = span(&host, CHARTS[1]);
    master.kill();
    pass(s(AWAY_S));
    let stopped = now_s();
    collector.terminate();
    collector.start_again();
    master.start_again();
    until(s(20), "the chart to go on", || host.last_entry(CHARTS[1]).filter(|last| *last > stopped + 6));
    let data = host.data(CHARTS[1], Window { after: from + 1, before: stopped - 1 });
    for name in &data.dimensions {
        let column = data.column(name).unwrap();
        let missing: Vec<_> = column.iter().filter(|(_, value)| value.is_none()).collect();
        assert!(missing.is_empty(), "{name} misses {missing:?}");
    }
}
