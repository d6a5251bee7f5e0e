//! What tiers cost and save: `cargo bench -p rrd-store --bench tiers`.
//!
//! A day of seconds is written to charts of four dimensions, without tiers and with `1m:7d` and `1h:1y`.
//! CPU time, as the kernel counts it for this thread; of queries the least of several runs.

use std::sync::Arc;

use row::{ChartDefinition, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::query::{Charts, Group, Query, WindowRequest};
use rrd_store::{Disk, FeedKind, Host, HostInfo, Keep, MemoryMode, RealDisk, Store, TierSettings};

const DAY_S: i64 = 86_400;
/// Such that the day ends somewhere in an hour.
const LAST_S: i64 = 1_795_387_617;
const CHARTS: usize = 50;
const DIMENSIONS: usize = 4;
const RUNS: usize = 30;

fn main() {
    let minute = TierSettings { step_s: 60, rows: 7 * 1_440, bytes: None };
    let hour = TierSettings { step_s: 3_600, rows: 8_760, bytes: None };
    let stores = [Store::new(), Store::with_tiers(&[minute]), Store::with_tiers(&[minute, hour])];
    println!("a day of {} dimensions, of which a quarter varies", CHARTS * DIMENSIONS);
    println!("| tiers | CPU ns per sample | bytes in memory per dimension | bytes in files per dimension |");
    println!("|---|---|---|---|");
    for (store, tiers) in stores.iter().zip(["none", "1m", "1m, 1h"]) {
        let begin_ns = cost::cpu_ns();
        let host = write(store);
        let samples = DAY_S as f64 * (CHARTS * DIMENSIONS) as f64;
        let ns = (cost::cpu_ns() - begin_ns) as f64 / samples;
        let each = |bytes: usize| bytes / (CHARTS * DIMENSIONS);
        println!("| {tiers} | {ns:.1} | {} | {} |", each(host.bytes()), each(saved(store)));
    }
    println!();
    println!("a day of one chart, {DIMENSIONS} dimensions, µs of CPU");
    println!("| rows | group | without tiers | with tiers |");
    println!("|---|---|---|---|");
    for (rows, group) in [
        (400, Group::Average),
        (360, Group::Average),
        (360, Group::Max),
        (360, Group::Median),
        (1_440, Group::Average),
        (24, Group::Average),
    ] {
        let [plain, _, tiered] = stores.each_ref().map(|store| ask(&store.hosts()[0], rows, group));
        println!("| {rows} | {} | {plain:.0} | {tiered:.0} |", group.word());
    }
}

fn write(store: &Store) -> Arc<Host> {
    let info = HostInfo::unknown(Guid::from_bytes([1; 16]));
    let host = store.add(&info, Keep::new(MemoryMode::Save, DAY_S as u32));
    let mut feed = host.claim(FeedKind::Stored, info);
    let mut slots = Vec::new();
    let mut random = 1_u64;
    for second in LAST_S - DAY_S + 1..=LAST_S {
        let now = Now { wall_us: second * 1_000_000, mono_us: second as u64 * 1_000_000 };
        let mut writer = feed.writer(now).expect("the feed is in force");
        for chart in 0..CHARTS {
            if slots.len() == chart {
                let id = format!("bench.chart{chart}");
                let slot = writer.define_chart(&ChartDefinition { id: &id, update_every_s: 1, ..Default::default() });
                slots.push(slot.expect("within limits"));
                for dimension in 0..DIMENSIONS {
                    let id = format!("dimension{dimension}");
                    let definition = DimensionDefinition { id: &id, ..Default::default() };
                    writer.define_dimension(slots[chart], &definition).expect("within limits");
                }
            }
            writer.begin(slots[chart]);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            for index in 0..DIMENSIONS {
                let value = if index == 0 { (random >> 50) as f64 / 8.0 } else { index as f64 - 1.0 };
                writer.set_stored(index as u32, None, Packed::pack(value, PointFlags::NORMAL));
            }
            writer.end_stored(second, true);
        }
    }
    drop(feed);
    host
}

/// Bytes of the files that the host is saved to.
fn saved(store: &Store) -> usize {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = RealDisk::new(folder.path());
    assert!(store.save(&disk, |_| true).is_empty(), "the disk refuses");
    let length = |name: &String| disk.open(name).and_then(|file| file.length()).expect("it was written") as usize;
    disk.list().expect("a folder").iter().map(length).sum()
}

fn ask(host: &Host, rows: i64, group: Group) -> f64 {
    let window = WindowRequest { after_s: -DAY_S, points: rows, ..Default::default() };
    let query = Query { window, group, ..Query::new(Charts::One("bench.chart7")) };
    let mut least_us = f64::INFINITY;
    for _ in 0..RUNS {
        let begin_ns = cost::cpu_ns();
        let answer = host.query(&query, LAST_S + 1).expect("there are rows");
        least_us = least_us.min((cost::cpu_ns() - begin_ns) as f64 / 1e3);
        assert!((answer.window.points as i64 - rows).abs() <= 1, "{} rows", answer.window.points);
    }
    least_us
}
