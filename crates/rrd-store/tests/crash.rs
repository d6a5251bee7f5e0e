//! A process that keeps a host on the real disk is killed at random moments: what it was told is
//! written is there afterwards, and nothing else.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use row::{ChartDefinition, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::{Disk, FeedKind, HostInfo, Keep, Keeper, MemoryMode, RealDisk, Store};

const KILLS: u64 = 200;
const HISTORY_ROWS: u32 = 600;
const START_S: i64 = 1_795_387_000;
/// Tells the second process of this test where to write.
const FOLDER: &str = "CRASH_TEST_FOLDER";
const GUID: Guid = Guid::from_bytes([5; 16]);

fn info() -> HostInfo {
    HostInfo { hops: 1, ..HostInfo::unknown(GUID) }
}

/// What is written for a second, so that it can be checked without being remembered.
fn value(second: i64, dimension: i64) -> f64 {
    ((second * 7 + dimension * 13) % 401) as f64 / 4.0
}

/// Writes second after second, faster than time, and tells each that is on the disk.
fn write(folder: &Path) {
    let (store, disk) = (Store::new(), Arc::new(RealDisk::new(folder)) as Arc<dyn Disk>);
    store.load(&disk, |keep| keep.on_disk);
    let mut keeper = Keeper::new(disk, 10_000_000, |keep| keep.on_disk);
    let host = store.add(&info(), Keep::new(MemoryMode::Map, HISTORY_ROWS));
    let mut second = host.status().newest_s.max(START_S);
    let mut feed = host.claim(FeedKind::Stored, info());
    loop {
        second += 1;
        let now = Now { wall_us: second * 1_000_000, mono_us: second as u64 * 1_000_000 };
        let mut writer = feed.writer(now).unwrap();
        let chart = ChartDefinition { id: "a.chart", update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&chart).unwrap();
        for id in ["a", "b", "c"] {
            writer.define_dimension(slot, &DimensionDefinition { id, ..Default::default() }).unwrap();
        }
        writer.begin(slot);
        for dimension in 0..3 {
            let value = Packed::pack(value(second, i64::from(dimension)), PointFlags::NORMAL);
            writer.set_stored(dimension, Some(1), value);
        }
        writer.end_stored(second, true);
        drop(writer);
        assert!(keeper.flush(&store, now).is_empty());
        println!("second {second}");
    }
}

/// Checks all rows up to `told`; returns how many there are.
fn check(folder: &Path, told: i64, kill: u64) -> i64 {
    let store = Store::new();
    store.load(&(Arc::new(RealDisk::new(folder)) as Arc<dyn Disk>), |keep| keep.on_disk);
    store.hosts().iter().for_each(|host| host.read(|_| ()));
    let damages = store.damages();
    // The write that the kill cut may be torn; nothing else is.
    assert!(damages.len() <= 2, "kill {kill}: {damages:?}");
    let Some(host) = store.host(GUID) else {
        assert_eq!(told, START_S, "kill {kill}: the host is gone");
        return 0;
    };
    let mut rows = 0;
    host.read(|view| {
        let chart = view.find_chart("a.chart").filter(|chart| chart.last_s() > 0);
        let Some(chart) = chart else { return assert_eq!(told, START_S, "kill {kill}: all rows are gone") };
        assert!(chart.last_s() >= told, "kill {kill}: {} of {told}", chart.last_s());
        // History counts from the newest row, which may be one that was written and not yet told.
        let oldest = (chart.last_s() - i64::from(HISTORY_ROWS) + 1).max(START_S + 1);
        let mut next = oldest;
        chart.snapshot(oldest - 1, told).rows(|second, values| {
            assert_eq!(second, next, "kill {kill}: a row is missing");
            for (dimension, found) in (0..).zip(values) {
                assert_eq!(found.unpack(), value(second, dimension), "kill {kill}, {second}");
            }
            next += 1;
            rows += 1;
        });
        assert_eq!(next, told + 1, "kill {kill}: rows are missing at the end");
    });
    rows
}

#[test]
fn a_killed_process_loses_nothing_that_was_written() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return write(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut random, mut told, mut rows) = (99_u64, START_S, 0);
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_process_loses_nothing_that_was_written", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // It is killed while it writes on, after it told some more seconds.
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let second = |line: &String| line.rsplit_once("second ").and_then(|(_, second)| second.parse::<i64>().ok());
        let before = said.by_ref().take((random >> 33) as usize % 40).filter_map(|line| second(&line)).last();
        child.kill().unwrap();
        child.wait().unwrap();
        let seconds = before.into_iter().chain(said.filter_map(|line| second(&line)));
        told = seconds.max().unwrap_or(told);
        rows += check(folder.path(), told, kill);
    }
    println!("{KILLS} kills up to second {}, {rows} rows checked", told - START_S);
    assert!(told > START_S + 1_000, "the process hardly wrote: {told}");
}
