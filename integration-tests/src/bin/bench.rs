//! `make bench`: what we cost, beside what Netdata costs, in the same run on the same machine.
//!
//! Three tables. The first two: the same generated streams go to our master and to a Netdata parent
//! at the same time, with one write per host and second, and with one per chart, as Netdata's
//! children do it. The third: our collector and a Netdata child without a database read the same
//! files of this machine, each into a master of ours. Costs are CPU time of the process and bytes
//! resident, never wall time. Later versions add the other rows of the figures.
#![forbid(unsafe_code)]

use std::time::Duration;

use integration_tests::api::Host;
use integration_tests::node;
use integration_tests::peer::netdata;
use integration_tests::peer::scripted::{Scripted, WELCOME};
use integration_tests::process::Process;
use integration_tests::wait::{Deadline, pass, s};
use integration_tests::{API_KEY, agreement};

/// One hot host would hide every cache miss.
const HOSTS: u32 = 100;
const CHARTS: u32 = 50;
const DIMENSIONS: u32 = 4;
/// Time that is left out at the beginning: connections, definitions, first allocations.
const WARM_UP_S: u32 = 5;
const SPAN_S: u32 = 30;

/// What one program cost over the span.
struct Cost {
    cpu: Duration,
    resident_bytes: u64,
    samples: u64,
}

/// How a child writes its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writes {
    PerSecond,
    PerChart,
}

fn main() {
    receive_and_store(Writes::PerSecond);
    receive_and_store(Writes::PerChart);
    collect_and_stream();
}

fn receive_and_store(writes: Writes) {
    let master = node::master("bench-master").set("collect.enabled", "false").accepts(API_KEY).start();
    let parent = netdata::named("bench-parent").plugins(&[]).replication(false).accepts(API_KEY).start();
    let mut children = children(&[master.address(), parent.address()]);
    play(&mut children, writes, 0, WARM_UP_S);
    let before = [master.process(), parent.process()].map(Process::cpu_time_of_threads);
    play(&mut children, writes, WARM_UP_S, SPAN_S);
    let samples = u64::from(HOSTS * CHARTS * DIMENSIONS * SPAN_S);
    let cost = |process: &Process, before| Cost {
        cpu: process.cpu_time_of_threads().saturating_sub(before),
        resident_bytes: process.resident_bytes(),
        samples,
    };
    let how = match writes {
        Writes::PerSecond => "one write per host and second",
        Writes::PerChart => "one write per chart",
    };
    let title = format!("receive and store, {how}, {HOSTS} hosts × {} dimensions, {SPAN_S} s", CHARTS * DIMENSIONS);
    table(&title, &cost(master.process(), before[0]), &cost(parent.process(), before[1]));
}

fn collect_and_stream() {
    let ours = node::master("bench-ours").set("collect.enabled", "false").accepts(API_KEY).start();
    let collector = node::collector("bench-collector").sends_to(ours.address(), API_KEY).start();
    let child = netdata::named("bench-child")
        .memory_mode("none")
        .collecting_like_ours()
        .sends_to(ours.address(), API_KEY)
        .start();
    let hosts = ["bench-collector", "bench-child"].map(|name| ours.api().host(name));
    for host in &hosts {
        agreement::goes_on(host, "system.cpu", i64::from(WARM_UP_S));
    }
    let before = [collector.process(), child.process()].map(Process::cpu_time_of_threads);
    pass(s(u64::from(SPAN_S)));
    let cost = |process: &Process, before, host| Cost {
        cpu: process.cpu_time_of_threads().saturating_sub(before),
        resident_bytes: process.resident_bytes(),
        samples: samples_per_minute(host) * u64::from(SPAN_S) / 60,
    };
    let title = format!("collect and stream this machine, {SPAN_S} s");
    let (left, right) = (cost(collector.process(), before[0], &hosts[0]), cost(child.process(), before[1], &hosts[1]));
    table(&title, &left, &right);
}

fn samples_per_minute(host: &Host) -> u64 {
    let charts = host.charts();
    charts.values().map(|chart| 60 * chart.dimensions.len() as u64 / chart.update_every.unsigned_abs().max(1)).sum()
}

/// One child per host and parent, with all its charts defined.
fn children(parents: &[std::net::SocketAddr]) -> Vec<Scripted> {
    let each = |host: u32| parents.iter().map(move |parent| (host, *parent));
    (0..HOSTS).flat_map(each).map(|(host, parent)| child(host, parent)).collect()
}

fn child(host: u32, parent: std::net::SocketAddr) -> Scripted {
    let guid = format!("cccccccc-0000-0000-0000-{host:012}");
    let mut child = Scripted::connect(parent, API_KEY, &format!("bench-{host}"), &guid).expect("a parent on loopback");
    assert_eq!(child.answer(), WELCOME, "{parent} lets a child in");
    let mut text = String::new();
    for chart in 0..CHARTS {
        text += &format!("CHART \"bench.c{chart}\" \"\" \"a chart\" \"things\" \"f\" \"bench.c\" line 1000 1\n");
        for dimension in 0..DIMENSIONS {
            text += &format!(
                "DIMENSION \"d{dimension}\" \"\" {} 1 1\n",
                ["absolute", "incremental"][dimension as usize % 2]
            );
        }
    }
    child.send(&text).expect("definitions fit the socket");
    child
}

/// Sends `count` rows of every chart.
fn play(children: &mut [Scripted], writes: Writes, first: u32, count: u32) {
    for turn in first..first + count {
        let second = Deadline::after(s(1));
        let charts: Vec<String> = (0..CHARTS).map(|chart| rows(turn, chart)).collect();
        match writes {
            Writes::PerSecond => {
                let text = charts.concat();
                children.iter_mut().for_each(|child| child.send(&text).expect("the parent reads"));
            }
            // Chart after chart over all hosts: the writes of one host are some time apart.
            Writes::PerChart => {
                for text in &charts {
                    children.iter_mut().for_each(|child| child.send(text).expect("the parent reads"));
                }
            }
        }
        assert!(!second.is_over(), "this machine is too slow to send {} streams a second", children.len());
        second.wait();
    }
}

/// One chart's row of one second. Three of four values repeat, as they do in real streams.
fn rows(turn: u32, chart: u32) -> String {
    let mut text = format!("BEGIN \"bench.c{chart}\" 1000000\n");
    for dimension in 0..DIMENSIONS {
        let value = if (chart + dimension).is_multiple_of(4) { 1000 * chart + 17 * turn } else { dimension };
        text += &format!("SET \"d{dimension}\" = {value}\n");
    }
    text + "END\n"
}

fn table(title: &str, ours: &Cost, theirs: &Cost) {
    println!("\n{title}\n{:34}{:>12}{:>12}{:>10}", "", "Tributary", "Netdata", "ratio");
    let line = |name: &str, value: fn(&Cost) -> f64| {
        let (a, b) = (value(ours), value(theirs));
        println!("{name:34}{a:>12.3}{b:>12.3}{:>10.3}", a / b);
    };
    line("CPU, ms", |cost| cost.cpu.as_secs_f64() * 1e3);
    line("samples", |cost| cost.samples as f64);
    line("CPU per sample, µs", |cost| cost.cpu.as_secs_f64() * 1e6 / cost.samples as f64);
    line("resident, MB", |cost| cost.resident_bytes as f64 / 1e6);
}
