//! Catching up: a headless proxy whose spool is full meets a master that has nothing.
//!
//! A child feeds the proxy ten minutes of rows at once, dated as they would have been, and goes on
//! with a row of each chart per second. Then the master starts.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use integration_tests::api::{Host, Window};
use integration_tests::node::{self, Node};
use integration_tests::wait::{Deadline, Watch, now_s, pass, s, until};
use integration_tests::{API_KEY, port};

use crate::load::{DIMENSIONS, Form, connect, definitions, row_of};
use crate::report::{Measured, costs};

const CHARTS: u32 = 500;
const PAST_S: u32 = 600;
/// Room for the past and for what is added until the master is there.
const SPOOL: &str = "12m";
const LIMIT: Duration = s(60);
/// Time between two looks at the master.
const LOOK: Duration = Duration::from_millis(50);
/// How long live rows are watched after the master has caught up.
const AFTERWARDS: Duration = s(3);
const HOST: &str = "bench-0";

pub(crate) fn all() {
    ["none", "lz4", "zstd"].into_iter().for_each(row);
}

fn row(codec: &str) {
    let address = SocketAddr::from(([127, 0, 0, 1], port::free()));
    let proxy = node::proxy("bench-proxy").set("global.memory_mode", "none").set("collect.enabled", "false");
    let proxy = proxy.set("stream.spool", SPOOL).accepts(API_KEY).sends_to(address, API_KEY).start();
    let mut child = connect(Form::V2_PLAIN, proxy.address(), 0);
    let from_s = now_s() - i64::from(PAST_S);
    child.write_all(&definitions(Form::V2_PLAIN, CHARTS, DIMENSIONS)).expect("the proxy reads");
    (0..PAST_S).for_each(|turn| second(&mut child, turn, from_s + i64::from(turn)));
    let rows = u64::from(CHARTS * PAST_S);
    until(LIMIT, "the spool to be full", || (figure(&proxy, "in", "rows")? >= rows).then_some(()));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| go_on(child, &is_over));
        let over = Over(&is_over);
        meet(codec, address, &proxy, from_s);
        drop(over);
    });
}

/// Ends the live rows, whatever happens.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Live rows, one of each chart a second.
fn go_on(mut child: TcpStream, is_over: &AtomicBool) {
    for turn in PAST_S.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let next = Deadline::after(s(1));
        second(&mut child, turn, now_s());
        next.wait();
    }
}

fn second(child: &mut TcpStream, turn: u32, time_s: i64) {
    let text: Vec<u8> = (0..CHARTS).flat_map(|chart| row_of(Form::V2_PLAIN, chart, turn, time_s)).collect();
    child.write_all(&text).expect("the proxy reads");
}

/// Starts the master, and looks on until it has all.
fn meet(codec: &str, address: SocketAddr, proxy: &Node, from_s: i64) {
    let master = node::master("bench-master").set("collect.enabled", "false").accepts(API_KEY);
    let master = master.set(&format!("api_keys.{API_KEY}.compression"), codec);
    let master = master.set("web.bind_to", &address.to_string()).start();
    let measured = [Measured::begin("master", master.process()), Measured::begin("proxy", proxy.process())];
    until(LIMIT, "the proxy to connect", || (figure(&master, "in", "connected")? > 0).then_some(()));
    let (watch, connected_s, host) = (Watch::start(), now_s(), master.api().host(HOST));
    let rows = u64::from(CHARTS * PAST_S);
    let (mut late_s, mut looks) = (0, 0);
    while figure(&master, "in", "rows_replicated").is_none_or(|replicated| replicated < rows) {
        assert!(watch.elapsed() < LIMIT, "the master has not caught up");
        late_s = late_s.max(lateness_s(&host, connected_s));
        looks += 1;
        pass(LOOK);
    }
    let took = watch.elapsed();
    let samples = figure(&master, "in", "rows_replicated").unwrap_or(rows) * u64::from(DIMENSIONS);
    let bytes = figure(&master, "in", "bytes").unwrap_or_default();
    let spent = measured.map(|measured| measured.end(samples));
    while watch.elapsed() < took + AFTERWARDS {
        late_s = late_s.max(lateness_s(&host, connected_s));
        looks += 1;
        pass(LOOK);
    }
    assert_complete(&host, from_s);
    costs(&format!("catch up, {codec}, {PAST_S} s × {} dimensions", CHARTS * DIMENSIONS), &spent);
    println!(
        "wall {:.2} s (known to {LOOK:?}), live rows at most {late_s} s late in {looks} looks, {:.1} bytes per sample",
        took.as_secs_f64(),
        bytes as f64 / samples as f64
    );
}

/// How late the newest rows are: those of the first chart, one in the middle, and the last. Rows
/// from before the connection are history.
fn lateness_s(host: &Host, connected_s: i64) -> i64 {
    let newest = |chart: u32| host.last_entry(&format!("bench.c{chart}")).unwrap_or(0).max(connected_s);
    [0, CHARTS / 2, CHARTS - 1].map(|chart| now_s() - newest(chart)).into_iter().max().unwrap_or_default()
}

/// Every second of the past is there, in every chart.
fn assert_complete(host: &Host, from_s: i64) {
    let window = Window { after: from_s, before: from_s + i64::from(PAST_S) - 1 };
    for chart in 0..CHARTS {
        let data = host.data(&format!("bench.c{chart}"), window);
        let values = data.rows.values().flatten().flatten().count();
        assert_eq!(values, (PAST_S * DIMENSIONS) as usize, "chart {chart}");
    }
}

fn figure(node: &Node, direction: &str, key: &str) -> Option<u64> {
    let streams = node.api().try_json("/api/v1/streams").ok()?;
    let host = streams["hosts"].as_array()?.iter().find(|host| host["hostname"] == HOST)?.clone();
    host[direction][key].as_u64()
}
