//! What alarms cost: CPU time per evaluation, with the hosts of a fleet in turn.
//!
//! `cargo bench -p health`. Each host has charts of four dimensions with an hour of rows, and alarms
//! on them that are due every ten seconds. To hold: 100,000 alarms take a tenth of a core, which is
//! 10 µs for each evaluation.

use std::collections::HashMap;
use std::sync::Arc;

use health::engine::{HostFacts, Patience, Report, Rules, Watch};
use health::files;
use row::{ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed, PointFlags, US_PER_S};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

const HOSTS: u32 = 100;
const CHARTS: u32 = 100;
/// At the beginning of a block.
const START_S: i64 = 1_795_387_020;
const HISTORY_S: i64 = 3_600;
const SECONDS: i64 = 60;

/// Kinds of alarms, each on every chart.
const KINDS: [(&str, &str); 6] = [
    (
        "a calculation",
        "calc: $a * 100 / ($a + $b)\nwarn: $this > (($status >= $WARNING) ? (70) : (80))\ncrit: $this > 95",
    ),
    (
        "average -1m",
        "lookup: average -1m unaligned\nwarn: $this > (($status >= $WARNING) ? (7) : (8))\ncrit: $this > 9",
    ),
    ("average -10m of one", "lookup: average -10m unaligned of a\nwarn: $this > 80"),
    ("average -10m", "lookup: average -10m unaligned\nwarn: $this > 80"),
    ("max -10m", "lookup: max -10m unaligned\nwarn: $this > 80"),
    ("average -1h", "lookup: average -1h unaligned\nwarn: $this > 80"),
];

fn main() {
    println!(
        "{:<22} {:>12} {:>14} {:>14} {:>10}",
        "alarms due every 10 s", "evaluations", "µs/evaluation", "cores/100,000", "alloc"
    );
    for (name, text) in KINDS {
        measure(name, text);
    }
}

fn now(second: i64) -> Now {
    Now { wall_us: second * US_PER_S, mono_us: ((second - START_S + 10) * US_PER_S) as u64 }
}

fn measure(name: &str, text: &str) {
    let store = Store::new();
    let mut hosts: Vec<_> = (0..HOSTS).map(|number| host(&store, number)).collect();
    for second in START_S - HISTORY_S..START_S {
        hosts.iter_mut().for_each(|(_, feed)| write(feed, second));
    }
    let (definitions, _) =
        files::read("bench.conf", &format!("template: bench\non: bench.context\nevery: 10s\n{text}\n"));
    let rules = Arc::new(Rules::new(definitions));
    let mut watches: Vec<_> = hosts
        .iter()
        .map(|(host, _)| {
            let facts = HostFacts { hostname: host.info().hostname.clone(), os: "linux".into() };
            Watch::new(Arc::clone(&rules), facts, Patience::default(), HashMap::new(), 0, now(START_S))
        })
        .collect();
    let (mut ns, mut allocations, mut evaluations) = (0, 0, 0);
    let mut report = Report::default();
    for second in START_S..START_S + 20 + SECONDS {
        hosts.iter_mut().for_each(|(_, feed)| write(feed, second));
        let (cpu_ns, allocated) = (cost::cpu_ns(), cost::allocations());
        for ((host, _), watch) in hosts.iter().zip(&mut watches) {
            watch.step(host, now(second), &mut report);
        }
        if second >= START_S + 20 {
            ns += cost::cpu_ns() - cpu_ns;
            allocations += cost::allocations() - allocated;
            let evaluated = |watch: &Watch| {
                watch.alarms().iter().filter(|alarm| alarm.state.last_updated_s == second).count() as u64
            };
            evaluations += watches.iter().map(evaluated).sum::<u64>();
        }
    }
    let us = ns as f64 / 1e3 / evaluations as f64;
    println!(
        "{name:<22} {evaluations:>12} {us:>14.2} {:>14.3} {:>10.1}",
        us * 100_000.0 / 10.0 / 1e6,
        allocations as f64 / evaluations as f64
    );
}

fn host(store: &Store, number: u32) -> (Arc<Host>, Feed) {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    let info = HostInfo::unknown(Guid::from_bytes(bytes));
    let host = store.add(&info, Keep::new(MemoryMode::Ram, HISTORY_S as u32));
    let mut feed = host.claim(FeedKind::Stored, info);
    let mut writer = feed.writer(now(START_S)).expect("the feed is in force");
    for chart in 0..CHARTS {
        let id = format!("bench.chart{chart}");
        let definition =
            ChartDefinition { id: &id, context: "bench.context", update_every_s: 1, ..ChartDefinition::default() };
        let slot = writer.define_chart(&definition).expect("it is in order");
        for id in ["a", "b", "c", "d"] {
            let dimension = DimensionDefinition { id, ..DimensionDefinition::default() };
            writer.define_dimension(slot, &dimension).expect("it is in order");
        }
    }
    drop(writer);
    (host, feed)
}

/// Two dimensions of four move.
fn write(feed: &mut Feed, second: i64) {
    let mut writer = feed.writer(now(second)).expect("the feed is in force");
    for chart in 0..CHARTS {
        writer.begin(ChartSlot(chart));
        let moving = (second * 7_919 + i64::from(chart) * 31) % 100;
        for (index, value) in (0..).zip([moving as f64, 10.0, 0.0, (moving / 3) as f64]) {
            writer.set_stored(index, None, Packed::pack(value, PointFlags::default()));
        }
        writer.end_stored(second, true);
    }
}
