//! Our collector beside a Netdata child for five minutes: the same charts with the same values, and what
//! both cost.

use integration_tests::api::Host;
use integration_tests::beside::Pair;

use crate::report::{Measured, span_or, table};

/// What is measured where nothing else is said.
const SPAN_S: u32 = 300;
/// Ours may cost this part of the processor time,
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
    let costs = [ours.end(samples(pair.ours())), theirs.end(samples(pair.theirs()))];
    table(&format!("the same machine, LZ4, {} s", window.seconds()), &costs);
    pair.compare(window);
    let [ours, theirs] = costs;
    let part = ours.cpu_s() / theirs.cpu_s();
    println!("ours is {part:.3} of Netdata's processor time, {} bytes resident", ours.resident_bytes());
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
