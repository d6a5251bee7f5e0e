//! What devices that come and go leave behind: nothing.

#![expect(clippy::unwrap_used, reason = "what a test relies on ends it where it fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use collect::{Collector, Config};
use row::{Guid, Now};
use rrd_store::{FeedKind, HostInfo, Keep, Life, MemoryMode, Patience, Store};

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

/// Disks and interfaces that are there at once, beside one of each that stays.
const AT_ONCE: u64 = 5;
/// After so many seconds charts that are no longer collected are forgotten.
const PATIENCE_S: u64 = 30;
const HISTORY_ROWS: u32 = 60;
/// By now all is as it will be.
const SETTLED_S: u64 = 600;
/// Seconds over which live bytes are averaged: slabs come and go in step with the history.
const MEAN_S: u64 = 120;

/// Writes the files of second `second`: in each a disk and an interface come and others go.
fn write(root: &Path, second: u64) {
    let mut disks = format!("8 0 sda {0} 1 {0} {0} {0} 2 {0} {0} 4 {0} {0}\n", 10 * second);
    let mut interfaces = format!("a|b\na|b\neth0: {0} {0} 0 0 0 0 0 0 {0} {0} 0 0 0 0 0 0\n", 10 * second);
    for number in second..second + AT_ONCE {
        writeln!(disks, "8 {number} sdx{number} 9 1 9 9 9 2 9 9 4 9 {second}").unwrap();
        writeln!(interfaces, "veth{number:x}: {second} 9 3 4 5 6 7 8 9 9 1 1 1 1 1 1").unwrap();
    }
    fs::write(root.join("proc/diskstats"), disks).unwrap();
    fs::write(root.join("proc/net/dev"), interfaces).unwrap();
    let folders = |number: u64| {
        [format!("sys/block/sdx{number}"), format!("sys/devices/virtual/net/veth{number:x}")]
            .map(|path| root.join(path))
    };
    folders(second + AT_ONCE - 1).iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
    folders(second.saturating_sub(1)).iter().for_each(|folder| drop(fs::remove_dir(folder)));
}

fn live() -> i64 {
    cost::live().bytes + heap::piece_bytes() as i64
}

fn day(seconds: u64) {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("proc/net")).unwrap();
    write(root.path(), 0);
    let info = HostInfo { hostname: "here".to_owned(), hops: 0, ..HostInfo::unknown(Guid::from_bytes([1; 16])) };
    let store = Store::new();
    let host = store.add(&info, Keep::new(MemoryMode::Ram, HISTORY_ROWS));
    let mut feed = host.claim(FeedKind::Local, info);
    let mut life = Life::new(Patience { charts_us: PATIENCE_S * 1_000_000, hosts_us: u64::MAX / 2 });
    let mut collector = Collector::new(Config { root: root.path().to_owned(), ..Config::default() });
    let (mut rows, mut before, mut after) = (0, 0, 0);
    for second in 1..=seconds {
        write(root.path(), second);
        let mut now =
            Now { wall_us: ((1_700_000_000 + second) * 1_000_000).cast_signed(), mono_us: second * 1_000_000 };
        rows += u64::from(collector.tick(now, &mut feed).rows);
        let end_us = now.mono_us + 999_999;
        while life.due_us() <= end_us {
            now.mono_us = now.mono_us.max(life.due_us());
            life.step(&store, now);
        }
        let share_until =
            |end: u64| if (end - MEAN_S + 1..=end).contains(&second) { live() / MEAN_S as i64 } else { 0 };
        before += share_until(SETTLED_S);
        after += share_until(seconds);
    }
    let charts = host.status().charts;
    let devices = 2 * seconds;
    println!("{devices} devices in {seconds} s, {rows} rows: {before} bytes live, then {after}; {charts} charts");
    assert!(rows > 10 * devices, "they had charts");
    assert!(after - before < before / 20, "{before} bytes live, then {after}");
}

/// Goal: after an hour in which a disk and an interface come every second, and others go, live memory is
/// what it was after ten minutes.
#[test]
fn an_hour_of_devices() {
    day(3600);
}

/// Goal: the same for a whole day.
#[test]
#[ignore = "takes minutes: make soak"]
fn a_day_of_devices() {
    day(86_400);
}
