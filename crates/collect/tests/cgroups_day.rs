//! A day of control groups and mounts that come and go leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "what a test relies on ends it where it fails")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use collect::{Collector, Config, Family};
use row::{Guid, Now};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, Life, MemoryMode, Patience, Store};
use tempfile::TempDir;

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

const FILES: [(&str, &str); 7] = [
    ("cpu.stat", "user_usec 500\nsystem_usec 300\nnr_periods 10\nnr_throttled 4\nthrottled_usec 9\n"),
    ("cpu.max", "200000 100000\n"),
    ("memory.current", "60000000\n"),
    ("memory.max", "max\n"),
    ("io.stat", "8:0 rbytes=4096 wbytes=512 rios=2 wios=1\n"),
    ("pids.current", "3\n"),
    ("cpu.pressure", "some avg10=1.50 avg60=0.25 avg300=0.00 total=5000\n"),
];
const TABLE: &str = "1 0 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n2 0 8:1 / / rw - ext4 /dev/sda1 rw\n";
/// Seconds between two ticks: half of what is between two walks.
const STEP_S: u64 = 5;
/// Ticks in which groups come.
const ROUND: u64 = 6;

struct World {
    root: TempDir,
    collector: Collector,
    store: Store,
    host: Arc<Host>,
    feed: Feed,
    life: Life,
    tick: u64,
}

impl World {
    fn new() -> Self {
        // In memory, where there is such a folder: it is much that is written.
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        write(root.path(), "proc/self/mountinfo", TABLE);
        write(root.path(), "sys/fs/cgroup/cgroup.controllers", "cpu memory io pids\n");
        let off = Family { enabled: false, ..Family::default() };
        let collector = Collector::new(Config { root: root.path().into(), stat: off, ..Config::default() });
        let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
        let store = Store::new();
        let host = store.add(&info, Keep::new(MemoryMode::None, 60));
        let feed = host.claim(FeedKind::Local, info);
        let life = Life::new(Patience { charts_us: 300_000_000, hosts_us: u64::MAX });
        Self { root, collector, store, host, feed, life, tick: 0 }
    }

    fn come(&self, group: &str) {
        for (file, text) in FILES {
            write(self.root.path(), &format!("sys/fs/cgroup{group}/{file}"), text);
        }
    }

    fn go(&self, group: &str) {
        fs::remove_dir_all(self.root.path().join(format!("sys/fs/cgroup{group}"))).ok();
    }

    /// Passes an hour. Containers and services come and go, some of them within one tick, and a
    /// mount point with them.
    fn hour(&mut self) {
        for _ in 0..3600 / STEP_S {
            self.tick += 1;
            let tick = self.tick;
            if tick.is_multiple_of(ROUND) {
                self.come(&format!("/docker/c{tick}"));
                self.come(&format!("/system.slice/s{tick}.service"));
                self.come(&format!("/docker/short{tick}"));
                fs::create_dir_all(self.root.path().join(format!("m{tick}"))).unwrap();
                let table = format!("{TABLE}3 2 8:2 / /m{tick} rw - xfs /dev/sdb rw\n");
                write(self.root.path(), "proc/self/mountinfo", &table);
            }
            self.collect();
            if tick.is_multiple_of(ROUND) {
                self.go(&format!("/docker/short{tick}"));
                self.all_go(tick.saturating_sub(2 * ROUND));
            }
        }
        for since in [ROUND, 0] {
            self.all_go(self.tick - since);
        }
    }

    /// Lets go what came at a tick.
    fn all_go(&self, tick: u64) {
        self.go(&format!("/docker/c{tick}"));
        self.go(&format!("/system.slice/s{tick}.service"));
        fs::remove_dir(self.root.path().join(format!("m{tick}"))).ok();
    }

    fn collect(&mut self) {
        let us = (1_700_000_000 + self.tick * STEP_S) * 1_000_000;
        let now = Now { wall_us: us.cast_signed(), mono_us: us };
        self.collector.tick(now, &mut self.feed);
        let mut now = now;
        while now.mono_us >= self.life.due_us() {
            self.life.step(&self.store, now);
            now.mono_us += 1;
        }
    }

    /// The least of the live bytes at the ends of so many hours: charts that went leave in rounds, so that
    /// there are more of them at one end than at another.
    fn least_live(&mut self, hours: u32) -> f64 {
        let of_hour = |_| {
            self.hour();
            cost::live().bytes + heap::piece_bytes() as i64
        };
        (0..hours).map(of_hour).min().unwrap_or_default() as f64
    }

    fn charts(&self) -> (usize, u32) {
        self.host.read(|host| (host.chart_count(), host.slots_end()))
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Goal: in the last third of a day, live bytes are within five percent of those in the first, slots were
/// used again, and what lived for less than a walk never had a chart.
#[test]
fn a_day_leaves_nothing_behind() {
    let mut world = World::new();
    world.come("/docker/stays");
    world.come("/system.slice/stays.service");
    let live = world.least_live(8);
    let first = world.charts();
    (0..8).for_each(|_| world.hour());
    let live_after = world.least_live(8);
    let last = world.charts();
    let growth = (live_after - live) / live;
    println!("charts and slots: {first:?}, after a day {last:?}");
    println!("live bytes: {live:.0}, after a day {live_after:.0}, {:+.2} %", growth * 100.0);
    assert!(last.1 <= first.1 + first.1 / 10, "{first:?} {last:?}");
    assert!(growth < 0.05, "{growth}");
    let short = world.host.read(|host| host.charts().filter(|chart| chart.id().contains("short")).count());
    assert_eq!(short, 0);
}
