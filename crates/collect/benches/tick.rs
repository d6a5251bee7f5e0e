//! What a tick costs on this machine's own files: `cargo bench -p collect`.
//!
//! Prints microseconds per tick, apart for CPU time and wall time, and how many samples it brought.

use std::fs;
use std::time::Duration;

use collect::{Collector, Config, Family};
use row::{Guid, Now};
use rrd_store::{FeedKind, HostInfo, Keep, MemoryMode, Store};

const TICKS_BEFORE: u64 = 200;
const TICKS: u64 = 5000;

fn main() {
    measure("collect", Config::default());
    let on = Family::default();
    measure("collect, with apps", Config { apps: on, ..Config::default() });
    measure("collect, with apps, users and groups", Config { apps: on, users: on, groups: on, ..Config::default() });
    let processes = fs::read_dir("/proc").expect("the kernel lists processes").filter_map(Result::ok);
    let processes =
        processes.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
    println!("{} processes", processes.count());
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn measure(what: &str, config: Config) {
    let info = info();
    let host = Store::new().add(&info, Keep::new(MemoryMode::None, 600));
    let mut feed = host.claim(FeedKind::Local, info);
    let mut collector = Collector::new(config);
    let mut tick = |second: u64| {
        let now = Now { wall_us: ((1_700_000_000 + second) * 1_000_000).cast_signed(), mono_us: second * 1_000_000 };
        collector.tick(now, &mut feed)
    };
    for second in 1..=TICKS_BEFORE {
        tick(second);
    }
    let (begun, cpu) = (std::time::Instant::now(), cpu_time());
    let samples: u64 = (TICKS_BEFORE + 1..=TICKS_BEFORE + TICKS).map(|second| u64::from(tick(second).samples)).sum();
    let (wall, cpu) = (begun.elapsed(), cpu_time().saturating_sub(cpu));
    let per_tick = |time: Duration| time.as_secs_f64() * 1e6 / TICKS as f64;
    println!("{what}: {TICKS} ticks of {:.0} samples", samples as f64 / TICKS as f64);
    println!("  wall {:8.1} µs per tick", per_tick(wall));
    println!("  CPU  {:8.1} µs per tick (user and system, by clock ticks of 10 ms)", per_tick(cpu));
    println!("  CPU  {:8.3} µs per sample", cpu.as_secs_f64() * 1e6 / samples as f64);
}

/// User and system time of this process, from its own `stat`.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("the kernel tells of each process");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn info() -> HostInfo {
    HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) }
}
