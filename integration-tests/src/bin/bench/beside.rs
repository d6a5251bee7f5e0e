//! Our collector beside a Netdata child for five minutes: the same charts with the same values, and what
//! both cost.

use integration_tests::api::Host;
use integration_tests::beside::Pair;

use crate::report::{Measured, span_or, table};

/// What is measured where nothing else is said.
const SPAN_S: u32 = 300;
/// Of the processor time that Netdata takes for as many values, ours may take this part,
const CPU_PART_MAX: f64 = 0.2;
/// and have so much resident.
const RESIDENT_BYTES_MAX: u64 = 5 * 1024 * 1024;

pub(crate) fn five_minutes() {
    let pair = Pair::start("bench");
    let window = pair.window(i64::from(span_or(SPAN_S)));
    let ours = Measured::begin("Tributary", pair.collector.process());
    let theirs = Measured::begin("Netdata", pair.child.process());
    pair.wait_for(window);
    let samples = |host: &Host| samples(host, window.seconds().unsigned_abs());
    let counts = [samples(pair.ours()), samples(pair.theirs())];
    let costs = [ours.end(counts[0]), theirs.end(counts[1])];
    table(&format!("the same machine, LZ4, {} s", window.seconds()), &costs);
    pair.compare(window);
    let [ours, theirs] = costs;
    // Ours has charts of its own: what is compared is the cost of the same charts.
    let all = ours.cpu_s() / theirs.cpu_s();
    let part = all * counts[1] as f64 / counts[0] as f64;
    let resident = ours.resident_bytes();
    println!("ours is {part:.3} of Netdata's processor time by value, {all:.3} in all, {resident} bytes resident");
    assert!(part <= CPU_PART_MAX, "more than {CPU_PART_MAX} of the processor time");
    assert!(ours.resident_bytes() <= RESIDENT_BYTES_MAX, "more than {RESIDENT_BYTES_MAX} bytes resident");
}

fn samples(host: &Host, seconds: u64) -> u64 {
    let charts = host.charts();
    charts
        .values()
        .map(|chart| seconds * chart.dimensions.len() as u64 / chart.update_every.unsigned_abs().max(1))
        .sum()
}
