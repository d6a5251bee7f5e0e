//! A node that was away longer than a moment gets all of its children's past at once.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fmt::Write;
use std::net::SocketAddr;

use integration_tests::api::Window;
use integration_tests::node;
use integration_tests::peer::scripted::Scripted;
use integration_tests::wait::{now_s, s, until};
use integration_tests::{API_KEY, port};

const CHARTS: i64 = 50;
const DIMENSIONS: i64 = 4;
/// How far back the rows of the past begin.
const PAST_S: i64 = 300;
/// How late a live row may be.
const LATE_S: i64 = 2;
/// A form with stored values, without replication and without a codec: VCAPS and interpolated rows.
const STORED: &str = "&ver=16448";

fn row(chart: i64, time_s: i64) -> String {
    let mut text = format!("BEGIN2 'c.n{chart}' 1 {time_s} {time_s}\n");
    (0..DIMENSIONS).for_each(|dimension| {
        let value = time_s % 1_000 + dimension;
        writeln!(text, "SET2 'd{dimension}' {value} {value} 'A'").unwrap();
    });
    text + "END2\n"
}

fn definitions() -> String {
    let mut text = String::new();
    for chart in 0..CHARTS {
        writeln!(text, "CHART 'c.n{chart}' '' 't' 'u' 'f' 'c.n' 'line' 1000 1 '' 'p' 'm'").unwrap();
        (0..DIMENSIONS).for_each(|d| writeln!(text, "DIMENSION 'd{d}' '' 'absolute' 1 1 ''").unwrap());
    }
    text
}

/// Goal: a headless proxy with minutes in its spool meets a master that has nothing: within 5 s the
/// master has every value of them, and rows that come meanwhile are never more than 2 s late.
#[test]
fn a_full_spool_meets_an_empty_master() {
    let address = SocketAddr::from(([127, 0, 0, 1], port::free()));
    let proxy = node::proxy("cu-proxy").set("global.memory_mode", "none").set("collect.enabled", "false");
    let proxy = proxy.accepts(API_KEY).sends_to(address, API_KEY).start();
    let guid = "cccccccc-cccc-cccc-cccc-cccccccccccc";
    let mut child = Scripted::connect_as(proxy.address(), API_KEY, "cu-box", guid, STORED).unwrap();
    child.send(&definitions()).unwrap();
    let from_s = now_s() - PAST_S;
    let mut sent_s = from_s - 1;
    let mut send_until = |last_s: i64| {
        while sent_s < last_s {
            sent_s += 1;
            (0..CHARTS).for_each(|chart| child.send(&row(chart, sent_s)).unwrap());
        }
    };
    send_until(now_s());
    let master = node::master("cu-master").set("collect.enabled", "false").accepts(API_KEY);
    let master = master.set("web.bind_to", &address.to_string()).start();
    let host = master.api().host("cu-box");
    until(s(10), "the proxy to connect", || {
        send_until(now_s());
        master.api().hosts().contains(&"cu-box".to_owned()).then_some(())
    });
    let connected_s = now_s();
    let newest = |chart: i64| host.last_entry(&format!("c.n{chart}")).unwrap_or(0).max(connected_s);
    until(s(10), "five seconds of live rows", || {
        send_until(now_s());
        for chart in [0, CHARTS / 2, CHARTS - 1] {
            let late_s = now_s() - newest(chart);
            assert!(late_s <= LATE_S, "chart {chart} is {late_s} s late");
        }
        (now_s() >= connected_s + 5).then_some(())
    });
    let window = Window { after: from_s, before: connected_s };
    for chart in 0..CHARTS {
        let data = host.data(&format!("c.n{chart}"), window);
        for time_s in from_s..=connected_s {
            let expected: Vec<_> = (0..DIMENSIONS).map(|d| Some((time_s % 1_000 + d) as f64)).collect();
            assert_eq!(data.rows.get(&time_s), Some(&expected), "chart {chart}, second {time_s}");
        }
    }
}
