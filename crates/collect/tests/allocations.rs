//! Once the devices are known and the history is full, a tick allocates nothing.

#![expect(clippy::unwrap_used, reason = "what a test relies on ends it where it fails")]

#[allow(dead_code, reason = "shared with other tests")]
mod machine;

use collect::{Collector, Config};
use row::{Guid, Now};
use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode, Store};

/// Ticks that are watched.
const TICKS: u64 = 100;
/// Ticks before: long enough that the history is full and its space goes round.
const TICKS_BEFORE: u64 = 600;
const HISTORY_ROWS: u32 = 120;
/// A slab of the store that is new, not reused: its bytes, and the counter of who shares them. It
/// takes one where the machine's values became harder to pack than they were in the ticks before.
const ALLOCATIONS_OF_GROWTH: u64 = 2;

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

/// The files of this machine, read and stored a hundred times, cost no allocation. Devices may
/// come and charts may appear while others use the machine: then the hundred begin anew.
#[test]
fn a_warm_tick_allocates_nothing() {
    for mode in [MemoryMode::None, MemoryMode::Ram] {
        let store = Store::new();
        let host = store.add(&info(), Keep::new(mode, HISTORY_ROWS));
        let mut feed = host.claim(FeedKind::Local, info());
        let collector = Collector::new(Config { zero_metrics: true, ..Config::default() });
        let mut collector = collector.timed_by(|| cost::cpu_ns().unsigned_abs(), 10).with_usage(|| 0, 1);
        let mut second = 1_700_000_000;
        let mut tick = |second: &mut u64| {
            *second += 1;
            let now = Now { wall_us: (*second * 1_000_000 + 20_000).cast_signed(), mono_us: *second * 1_000_000 };
            let before = cost::allocations();
            let report = collector.tick(now, &mut feed);
            assert!(report.rows > 20 && report.samples > 50, "{report:?}");
            cost::allocations() - before
        };
        assert!(tick(&mut second) > 0, "the first tick defines charts; or else nothing is counted");
        for _ in 0..TICKS_BEFORE {
            tick(&mut second);
        }
        let mut charts = host.status().charts;
        for attempt in 1.. {
            let mut allocations: Vec<u64> = (0..TICKS).map(|_| tick(&mut second)).collect();
            allocations.retain(|&count| count > 0);
            let calm = std::mem::replace(&mut charts, host.status().charts) == charts;
            if calm && allocations.iter().sum::<u64>() <= ALLOCATIONS_OF_GROWTH {
                println!("mode {}: {allocations:?} in {TICKS} ticks", mode.word());
                break;
            }
            assert!(attempt < 10, "this machine does not hold still: {allocations:?}, {calm}");
        }
    }
}

fn info() -> HostInfo {
    HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) }
}

/// Nor do parts that this machine may not have, whose folders are looked at meanwhile.
#[test]
fn parts_allocate_nothing() {
    let zeros = |config: &mut Config| (config.zero_metrics, config.power_details) = (true, true);
    let mut machine = machine::Machine::new(machine::parts::machine_of_parts, zeros);
    machine.ticks(300);
    let allocations: Vec<u64> = (0..TICKS)
        .map(|_| {
            let before = cost::allocations();
            machine.tick();
            cost::allocations() - before
        })
        .filter(|&count| count > 0)
        .collect();
    assert!(allocations.iter().sum::<u64>() <= ALLOCATIONS_OF_GROWTH, "{allocations:?}");
}
