//! What alarms cost: CPU time per evaluation, with the hosts of a fleet in turn, and bytes.
//!
//! `cargo bench -p health`; with words, only what they name. Each host has charts of four dimensions with
//! an hour of rows, and alarms on them that are due every ten seconds. To hold: 100,000 alarms take a
//! tenth of a core, which is 10 µs for each evaluation.
//!
//! The mix is that of the alarms that come with us and with Netdata: 60 % have a lookup, most of them
//! of a minute or ten, and half of those are of one or two dimensions.

use std::collections::HashMap;
use std::sync::Arc;

use health::engine::{HostFacts, Patience, Report, Rules, Space, Watch};
use health::files;
use row::{ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed, PointFlags, US_PER_S};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

const HOSTS: u32 = 1_000;
const CHARTS: u32 = 25;
/// Charts with the same alarms.
const CONTEXTS: u32 = 5;
/// At the beginning of a block.
const START_S: i64 = 1_795_387_020;
const HISTORY_S: i64 = 3_600;
/// Until everything is bound, and what is remembered is there.
const WARM_UP_S: i64 = 30;
const SECONDS: i64 = 60;

/// Kinds of alarms, each on every chart.
const KINDS: [(&str, &str); 8] = [
    (
        "a calculation",
        "calc: $a * 100 / ($a + $b)\nwarn: $this > (($status >= $WARNING) ? (170) : (180))\ncrit: $this > 195",
    ),
    ("average -1m", "lookup: average -1m unaligned\nwarn: $this > (($status >= $WARNING) ? (700) : (800))"),
    ("average -10m of one", "lookup: average -10m unaligned of a\nwarn: $this > 800"),
    ("average -10m", "lookup: average -10m unaligned\nwarn: $this > 800"),
    ("max -10m", "lookup: max -10m unaligned\nwarn: $this > 800"),
    ("average -1h of one", "lookup: average -1h unaligned of a\nwarn: $this > 800"),
    ("average -1h", "lookup: average -1h unaligned\nwarn: $this > 800"),
    ("median -10m", "lookup: median -10m unaligned\nwarn: $this > 800"),
];

/// The mix: of each context four.
const MIX: [[&str; 4]; CONTEXTS as usize] = [
    ["calc: $a * 100 / ($a + $b)", "calc: $a", "calc: $b + $c", "lookup: average -10m unaligned of a"],
    ["calc: $a", "calc: $d", "lookup: average -1m unaligned of a", "lookup: sum -10m unaligned absolute of b,c"],
    ["calc: $c", "lookup: average -1m unaligned absolute", "lookup: max -10s unaligned", "lookup: sum -1m unaligned"],
    [
        "calc: $a / $b",
        "lookup: average -1m unaligned of a,b",
        "lookup: average -10s of a",
        "lookup: average -1h unaligned of d",
    ],
    [
        "calc: $d",
        "lookup: average -1m unaligned",
        "lookup: average -5m unaligned percentage of a",
        "lookup: average -10m unaligned",
    ],
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(&**word));
    let store = Store::new();
    let mut fleet =
        Fleet { hosts: (0..HOSTS).map(|number| host(&store, number)).collect(), second: START_S - HISTORY_S };
    (0..HISTORY_S).for_each(|_| fleet.write());
    println!(
        "{:<22} {:>8} {:>14} {:>14} {:>7} {:>12}",
        "alarms due every 10 s", "alarms", "µs/evaluation", "cores/100,000", "alloc", "bytes/alarm"
    );
    let mix = (0..).zip(MIX).flat_map(|(context, alarms)| {
        (0..).zip(alarms).map(move |(number, text)| {
            let warn = "warn: $this > (($status >= $WARNING) ? (1700000) : (1800000))\ncrit: $this > 1900000";
            format!("template: mix{number}\non: bench.context{context}\nevery: 10s\n{text}\n{warn}\n\n")
        })
    });
    let everywhere = |text: &str| {
        let of = |context| format!("template: bench\non: bench.context{context}\nevery: 10s\n{text}\n\n");
        (0..CONTEXTS).map(of).collect::<String>()
    };
    let kinds = KINDS.map(|(name, text)| (name, everywhere(text)));
    for (name, text) in [("the mix", mix.collect())].into_iter().chain(kinds) {
        if is_wanted(name) {
            fleet.measure(name, &text);
        }
    }
}

fn now(second: i64) -> Now {
    Now { wall_us: second * US_PER_S, mono_us: ((second - START_S + HISTORY_S + 10) * US_PER_S) as u64 }
}

struct Fleet {
    hosts: Vec<(Arc<Host>, Feed)>,
    second: i64,
}

impl Fleet {
    /// A second passes.
    fn write(&mut self) {
        let second = self.second;
        self.hosts.iter_mut().for_each(|(_, feed)| write(feed, second));
        self.second += 1;
    }

    fn measure(&mut self, name: &str, text: &str) {
        let (definitions, problems) = files::read("bench.conf", text);
        assert!(problems.is_empty(), "{problems:?}");
        let rules = Arc::new(Rules::new(definitions));
        let mut watches: Vec<_> = (self.hosts.iter())
            .map(|(host, _)| {
                let facts = HostFacts { hostname: host.info().hostname.clone(), os: "linux".into() };
                let now = now(self.second);
                (Watch::new(Arc::clone(&rules), facts, Patience::default(), HashMap::new(), 0, now), 0)
            })
            .collect();
        let (mut ns, mut allocations, mut evaluations) = (0, 0, 0);
        let (mut report, mut space) = (Report::default(), Space::default());
        let begin_s = self.second + WARM_UP_S;
        while self.second < begin_s + SECONDS {
            self.write();
            let second = self.second;
            let (cpu_ns, allocated) = (cost::cpu_ns(), cost::allocations());
            for ((host, _), (watch, next_s)) in self.hosts.iter().zip(&mut watches) {
                if *next_s <= second {
                    *next_s = watch.step(host, now(second), &mut report, &mut space);
                }
            }
            if second >= begin_s {
                ns += cost::cpu_ns() - cpu_ns;
                allocations += cost::allocations() - allocated;
                let of_watch = |(watch, _): &(Watch, i64)| {
                    watch.alarms().iter().filter(|alarm| alarm.state.last_updated_s == second).count() as u64
                };
                evaluations += watches.iter().map(of_watch).sum::<u64>();
            }
        }
        let alarms: usize = watches.iter().map(|(watch, _)| watch.alarms().len()).sum();
        let bytes: usize = watches.iter().map(|(watch, _)| watch.lookup_bytes()).sum();
        let us = ns as f64 / 1e3 / evaluations as f64;
        println!(
            "{name:<22} {alarms:>8} {us:>14.2} {:>14.3} {:>7.1} {:>12}",
            us * 100_000.0 / 10.0 / 1e6,
            allocations as f64 / evaluations as f64,
            bytes / alarms.max(1)
        );
    }
}

fn host(store: &Store, number: u32) -> (Arc<Host>, Feed) {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    let info = HostInfo::unknown(Guid::from_bytes(bytes));
    let host = store.add(&info, Keep::new(MemoryMode::Ram, HISTORY_S as u32));
    let mut feed = host.claim(FeedKind::Stored, info);
    let mut writer = feed.writer(now(START_S - HISTORY_S)).expect("the feed is in force");
    for chart in 0..CHARTS {
        let (id, context) = (format!("bench.chart{chart}"), format!("bench.context{}", chart % CONTEXTS));
        let definition = ChartDefinition { id: &id, context: &context, update_every_s: 1, ..Default::default() };
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
