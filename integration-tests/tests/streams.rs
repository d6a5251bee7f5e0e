//! What an operator sees of streams: figures, the access log, what was lost.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use integration_tests::node::{self, Node};
use integration_tests::peer::scripted::Scripted;
use integration_tests::wait::{pass, s, until};
use integration_tests::{API_KEY, agreement};
use serde_json::Value;

const OTHER_KEY: &str = "22222222-3333-4444-5555-666666666666";

fn streams_of(node: &Node, host: &str) -> Option<Value> {
    let streams = node.api().try_json("/api/v1/streams").ok()?;
    streams["hosts"].as_array()?.iter().find(|entry| entry["hostname"] == host).cloned()
}

fn log(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_default()
}

/// Goal: a stream's life is in the figures of both nodes, in both logs, and in charts of the node.
#[test]
fn a_streams_life() {
    let folder = tempfile::tempdir().unwrap();
    let master = node::master("life-master").accepts(API_KEY).start();
    let proxy = node::proxy("life-proxy").set("global.memory_mode", "none").accepts(API_KEY);
    let proxy = proxy.sends_to(master.address(), API_KEY).start();
    let collector = node::collector("life-box").set("global.log_dir", folder.path().to_str().unwrap());
    let mut collector = collector.sends_to(proxy.address(), API_KEY).start();
    agreement::goes_on(&master.api().host("life-box"), "system.cpu", 4);
    let at_proxy = streams_of(&proxy, "life-box").unwrap();
    assert_eq!((&at_proxy["in"]["connected"], &at_proxy["out"]["connected"]), (&Value::from(1), &Value::from(1)));
    for (direction, key) in [("in", "rows"), ("out", "rows"), ("in", "bytes"), ("out", "text_bytes")] {
        assert!(at_proxy[direction][key].as_i64() > Some(0), "{direction} {key}: {at_proxy}");
    }
    assert!(at_proxy["in"]["compression_ratio"].as_f64() > Some(1.0), "{at_proxy}");
    assert!(at_proxy["out"]["lag_s"].as_i64() < Some(5), "{at_proxy}");
    until(s(20), "charts of the streams", || {
        let charts = master.host().try_charts().ok()?;
        charts.contains_key("tributary.streams_connected").then_some(())
    });
    collector.terminate();
    let access = log(folder.path(), "access.log");
    for word in ["connected, compressed with LZ4", "closed after"] {
        let line = access.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{word}: {access}"));
        assert!(line.contains("STREAM life-box [send to "), "{line}");
    }
    assert_eq!(access.lines().count(), 2, "{access}");
    let error = log(folder.path(), "error.log");
    for word in ["connecting...", "initializing communication", "established communication", "closed after"] {
        assert!(error.lines().any(|line| line.contains("STREAM life-box [send to ") && line.contains(word)), "{word}");
    }
    until(s(10), "the stream to be over", || {
        streams_of(&proxy, "life-box").filter(|host| host["in"]["connected"] == 0 && host["out"]["connected"] == 0)
    });
}

/// Goal: what the spool could not hold is counted at the parent and told at both ends, once.
#[test]
#[ignore = "takes three minutes: make soak"]
fn a_gap_is_told_at_both_ends() {
    let master = node::master("gap-master").set("global.memory_mode", "save").set("collect.enabled", "false");
    let mut master = master.accepts(API_KEY).start();
    let collector = node::collector("gap-box").set("stream.spool", "5s").sends_to(master.address(), API_KEY).start();
    let host = master.api().host("gap-box");
    agreement::goes_on(&host, "system.cpu", 4);
    master.terminate();
    // A spool is made of blocks of a minute: it may hold more than it was told to.
    pass(s(150));
    let (here, there) = (collector.log_end(), master.log_end());
    master.start_again();
    collector.wait_for_log(here, &["STREAM gap-box", "[send to ", " rows lost, from "], s(40));
    master.wait_for_log(there, &["STREAM gap-box", "[receive from ", " rows lost, from "], s(40));
    let lost = streams_of(&master, "gap-box").unwrap()["in"]["rows_lost"].as_i64().unwrap();
    assert!(lost > 20, "{lost} rows lost");
    assert_eq!(collector.log()[here..].matches("rows lost").count(), 1);
    assert_eq!(master.log()[there..].matches("rows lost").count(), 1);
}

/// Goal: a child that tries again and again cannot fill the log.
#[test]
fn a_stranger_cannot_fill_the_log() {
    let master = node::master("flood-master").set("collect.enabled", "false").accepts(API_KEY).start();
    let from = master.log_end();
    for _ in 0..200 {
        drop(Scripted::connect(master.address(), OTHER_KEY, "flood-box", "aaaaaaaa-0000-0000-0000-000000000001"));
    }
    let lines = master.log()[from..].matches("STREAM flood-box").count();
    assert!((10..=60).contains(&lines), "{lines} lines");
}
