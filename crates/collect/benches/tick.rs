//! What a tick costs on this machine's own files: `cargo bench -p collect`.
//!
//! Prints microseconds of processor time per tick, how many samples it brought, and what of it is
//! reading, module by module; the rest is handing over.

use std::collections::BTreeMap;
use std::fs;

use collect::{Collector, Config, Family};
use row::{Guid, Now};
use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode, Store};

const TICKS_BEFORE: u64 = 200;
const TICKS: u64 = 5000;

fn main() {
    let whole = measure("collect", Config::default(), None);
    let timed = measure("collect, each reading timed", Config::default(), Some(nanoseconds));
    println!("reading, µs of CPU per tick:");
    for (module, ns) in &timed.modules {
        println!("  {module:40}{:8.1}", per_tick(*ns));
    }
    let read_ns = timed.modules.values().sum::<u64>();
    println!("  {:40}{:8.1}", "all of them", per_tick(read_ns));
    println!("  {:40}{:8.1}", "rows, and all else", per_tick(timed.cpu_ns.saturating_sub(read_ns)));
    println!("  {:40}{:8.1}", "looking at the clock", per_tick(timed.cpu_ns.saturating_sub(whole.cpu_ns)));
    let on = Family::default();
    measure("collect, with apps", Config { apps: on, ..Config::default() }, None);
    let all = Config { apps: on, users: on, groups: on, ..Config::default() };
    measure("collect, with apps, users and groups", all, None);
    let processes = fs::read_dir("/proc").expect("the kernel lists processes").filter_map(Result::ok);
    let processes =
        processes.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
    println!("{} processes", processes.count());
}

/// What the ticks came to.
struct Measured {
    cpu_ns: u64,
    /// What readings took, by module, where they are timed.
    modules: BTreeMap<&'static str, u64>,
}

/// Ticks on an own host; with a stopwatch each reading is timed.
fn measure(what: &str, config: Config, stopwatch: Option<collect::Stopwatch>) -> Measured {
    let info = HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
    let host = Store::new().add(&info, Keep::new(MemoryMode::None, 600));
    let mut feed = host.claim(FeedKind::Local, info);
    let mut collector = Collector::new(config);
    if let Some(stopwatch) = stopwatch {
        collector = collector.timed_by(stopwatch, 1);
    }
    let mut ticks = |collector: &mut Collector, seconds: std::ops::RangeInclusive<u64>| {
        let now = |second: u64| Now {
            wall_us: ((1_700_000_000 + second) * 1_000_000).cast_signed(),
            mono_us: second * 1_000_000,
        };
        seconds.map(|second| u64::from(collector.tick(now(second), &mut feed).samples)).sum::<u64>()
    };
    ticks(&mut collector, 1..=TICKS_BEFORE);
    let before = by_module(&collector);
    let begun_ns = nanoseconds();
    let samples = ticks(&mut collector, TICKS_BEFORE + 1..=TICKS_BEFORE + TICKS);
    let cpu_ns = nanoseconds() - begun_ns;
    println!("{what}: {TICKS} ticks of {:.0} samples", samples as f64 / TICKS as f64);
    println!("  CPU  {:8.1} µs per tick", per_tick(cpu_ns));
    println!("  CPU  {:8.3} µs per sample", cpu_ns as f64 / 1e3 / samples as f64);
    let mut modules = by_module(&collector);
    modules.iter_mut().for_each(|(module, ns)| *ns -= before.get(module).unwrap_or(&0));
    Measured { cpu_ns, modules }
}

fn by_module(collector: &Collector) -> BTreeMap<&'static str, u64> {
    let mut sums = BTreeMap::new();
    collector.timings().for_each(|(module, ns)| *sums.entry(module).or_default() += ns);
    sums
}

/// Nanoseconds that this thread was on a processor.
fn nanoseconds() -> u64 {
    cost::cpu_ns().unsigned_abs()
}

fn per_tick(ns: u64) -> f64 {
    ns as f64 / 1e3 / TICKS as f64
}
