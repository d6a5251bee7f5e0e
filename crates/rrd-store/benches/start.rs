//! A start on a full disk: how long until the first answer, and what it costs in memory.
//!
//! `cargo bench -p rrd-store --bench start`. Hosts with an hour of rows are written to a folder; then
//! a process of its own finds them, and asks one chart for its hour. `FOLDER=…` keeps what was written.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use row::{ChartDefinition, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::query::{Charts, Query};
use rrd_store::{Disk, FeedKind, HostInfo, Keep, Keeper, MemoryMode, RealDisk, Store};

const START_S: i64 = 1_795_387_020;
const ROWS: i64 = 3_600;
const DIMENSIONS_PER_CHART: usize = 4;
/// Tells a process that it is the one to be measured.
const MEASURED: &str = "TRIBUTARY_BENCH_START";

fn main() {
    if let Ok(folder) = std::env::var(MEASURED) {
        return measure(Path::new(&folder));
    }
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let kept = std::env::var("FOLDER").ok();
    println!("a start in mode map, an hour of rows, {DIMENSIONS_PER_CHART} dimensions per chart");
    println!(
        "| hosts x dimensions | files MB | known after ms | first answer after ms | CPU ms | RSS MB: idle, known, answered |"
    );
    println!("|---|---|---|---|---|---|");
    for (hosts, dimensions) in [(1_000, 1_000), (1, 100_000)] {
        let root = kept.as_ref().map_or_else(|| temporary.path().into(), std::path::PathBuf::from);
        let folder = root.join(format!("{hosts}x{dimensions}"));
        write(&folder, hosts, dimensions);
        print!("| {hosts} x {dimensions} | {} ", bytes(&folder) / 1_000_000);
        std::io::stdout().flush().expect("standard output");
        let me = std::env::current_exe().expect("this program has a path");
        let done = std::process::Command::new(me).env(MEASURED, &folder).status();
        assert!(done.is_ok_and(|status| status.success()), "the measured process failed");
    }
}

/// What is written: every fourth dimension varies, as in recorded traffic.
fn value(second: i64, dimension: usize) -> f64 {
    if dimension.is_multiple_of(4) {
        ((second * 31 + dimension as i64 * 7) % 1_000) as f64 / 8.0
    } else {
        dimension as f64
    }
}

/// Writes one host for real, and others as copies of it under GUIDs of their own.
fn write(folder: &Path, hosts: u32, dimensions: usize) {
    if folder.exists() {
        return;
    }
    let guid = |number: u32| Guid::from_bytes([&[7; 12][..], &number.to_be_bytes()].concat().try_into().expect("16"));
    let first = HostInfo { hops: 1, hostname: "bench".into(), ..HostInfo::unknown(guid(0)) };
    let (store, disk) = (Store::new(), Arc::new(RealDisk::new(folder)) as Arc<dyn Disk>);
    let mut keeper = Keeper::new(disk, 60_000_000, |keep| keep.on_disk);
    let host = store.add(&first, Keep::new(MemoryMode::Map, ROWS as u32));
    let mut feed = host.claim(FeedKind::Stored, first);
    let mut slots = Vec::new();
    for second in START_S..START_S + ROWS {
        let now = Now { wall_us: second * 1_000_000, mono_us: second as u64 * 1_000_000 };
        let mut writer = feed.writer(now).expect("the feed is in force");
        for chart in 0..dimensions / DIMENSIONS_PER_CHART {
            if second == START_S {
                let id = format!("bench.chart{chart}");
                let definition = ChartDefinition { id: &id, title: "A chart", units: "things", ..Default::default() };
                let slot = writer.define_chart(&definition).expect("within limits");
                for dimension in 0..DIMENSIONS_PER_CHART {
                    let id = format!("dimension{dimension}");
                    let definition = DimensionDefinition { id: &id, ..Default::default() };
                    writer.define_dimension(slot, &definition).expect("within limits");
                }
                slots.push(slot);
            }
            writer.begin(slots[chart]);
            for index in 0..DIMENSIONS_PER_CHART {
                let value = value(second, chart * DIMENSIONS_PER_CHART + index);
                writer.set_stored(index as u32, None, Packed::pack(value, PointFlags::NORMAL));
            }
            writer.end_stored(second, true);
        }
        drop(writer);
        assert!(keeper.flush(&store, now).is_empty(), "the disk refuses");
    }
    drop(feed);
    let own = folder.join(guid(0).to_string());
    for number in 1..hosts {
        let folder = folder.join(guid(number).to_string());
        std::fs::create_dir_all(&folder).expect("a folder");
        for file in std::fs::read_dir(&own).expect("what was written").flatten() {
            let mut bytes = std::fs::read(file.path()).expect("what was written");
            rename(&mut bytes, guid(number));
            std::fs::write(folder.join(file.file_name()), bytes).expect("room on the disk");
        }
    }
}

/// Writes another GUID into a file's header: behind the head of its record, kind, magic and version.
fn rename(bytes: &mut [u8], guid: Guid) {
    const GUID_AT: usize = 8 + 1 + 9 + 2;
    bytes[GUID_AT..GUID_AT + 16].copy_from_slice(guid.as_bytes());
    let length = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize;
    let checksum = crc32fast::hash(&bytes[8..8 + length]);
    bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
}

fn measure(folder: &Path) {
    let idle = resident_mb();
    let begin = Instant::now();
    let store = Store::new();
    store.load(&(Arc::new(RealDisk::new(folder)) as Arc<dyn Disk>), |keep| keep.on_disk);
    let known = begin.elapsed();
    let known_mb = resident_mb();
    let hosts = store.hosts();
    assert!(hosts.iter().all(|host| host.newest_s() == START_S + ROWS - 1));
    let host = &hosts[hosts.len() / 2];
    let answer = host.query(&Query::new(Charts::One("bench.chart17")), START_S + ROWS).expect("an answer");
    let answered = begin.elapsed();
    assert!(answer.window.points > 3_500, "{} rows", answer.window.points);
    assert!(store.damages().is_empty());
    println!(
        "| {:.1} | {:.1} | {:.1} | {idle:.1}, {known_mb:.1}, {:.1} |",
        known.as_secs_f64() * 1e3,
        answered.as_secs_f64() * 1e3,
        cpu_ms(),
        resident_mb()
    );
}

fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("what was written").flatten();
    entries
        .map(
            |entry| {
                if entry.path().is_dir() { bytes(&entry.path()) } else { entry.metadata().map_or(0, |file| file.len()) }
            },
        )
        .sum()
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e3
}

fn cpu_ms() -> f64 {
    let schedule = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    schedule.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e6
}
