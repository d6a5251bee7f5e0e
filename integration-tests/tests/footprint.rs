//! What a collector costs the machine that it watches.

use std::time::Duration;

use integration_tests::node::{self, Node};
use integration_tests::wait::{pass, s};
use integration_tests::{API_KEY, agreement};

/// The most that a collector may have resident.
const RESIDENT_BYTES_MAX: u64 = 5 * 1024 * 1024;
const THREADS_MAX: u64 = 2;
/// A tick, the sleep that measures how late sleeps end, what a parent says, and a file system that is asked.
const SLEEPS_PER_S_MAX: f64 = 10.0;

/// A collector and the master that it streams to.
fn pair(prefix: &str) -> (Node, Node) {
    let master = node::master(&format!("{prefix}-master")).set("collect.enabled", "false").accepts(API_KEY).start();
    let name = format!("{prefix}-box");
    let collector = node::collector(&name).sends_to(master.address(), API_KEY).start();
    agreement::goes_on(&master.api().host(&name), "system.cpu", 2);
    (master, collector)
}

fn measure(collector: &Node, span: Duration) {
    let process = collector.process();
    let (start, slept) = (process.cpu_time_of_threads(), process.sleeps());
    pass(span);
    let sleeps_per_s = process.sleeps().saturating_sub(slept) as f64 / span.as_secs_f64();
    let (cpu, resident) = (process.cpu_time_of_threads().saturating_sub(start), process.resident_bytes());
    let (threads, anonymous) = (process.threads(), process.anonymous_bytes());
    println!(
        "collector after {} s: {resident} bytes resident, {anonymous} of them anonymous; {threads} threads \
         that slept {sleeps_per_s:.1} times a second; {} ms of CPU, {:.3} % of a core",
        span.as_secs(),
        cpu.as_millis(),
        100.0 * cpu.as_secs_f64() / span.as_secs_f64()
    );
    assert!(threads <= THREADS_MAX, "{threads} threads");
    assert!(sleeps_per_s <= SLEEPS_PER_S_MAX, "{sleeps_per_s:.1} sleeps a second");
    assert!(resident < RESIDENT_BYTES_MAX, "{resident} bytes resident");
}

/// Goal: a streaming collector has at most three threads and less than 5 MiB resident.
#[test]
fn half_a_minute() {
    let (_master, collector) = pair("slim");
    measure(&collector, s(30));
}

/// Goal: the same with nobody to stream to, when only the spool grows.
#[test]
fn half_a_minute_without_a_parent() {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], integration_tests::port::free()));
    let collector = node::collector("alone-box").sends_to(nobody, API_KEY).start();
    collector.wait_for_log(0, &["STREAM", "alone-box", "[send to "], s(10));
    measure(&collector, s(30));
}

/// Goal: ten minutes change nothing about that.
#[test]
#[ignore = "takes ten minutes: make soak"]
fn ten_minutes() {
    let (master, collector) = pair("soak");
    measure(&collector, s(600));
    agreement::goes_on(&master.api().host("soak-box"), "system.cpu", 2);
}
