//! What a row costs that is appended: CPU time and allocations, with cold caches.
//!
//! `cargo bench -p rrd-store --bench append`. Many hosts are written in turn, one batch per host and
//! second, so that none is in the caches. Values are those of real children, block by block; without
//! captures three dimensions in four stand still. The history is full before the hour that is
//! counted, so that slabs come and go as they do for ever after. What the bench itself takes to read
//! its values is measured apart and left out.

use std::hint::black_box;

use row::{Algorithm, ChartDefinition, ChartSlot, DimensionDefinition, Guid, Now, Packed};
use rrd_store::block::ROWS;
use rrd_store::{Elapsed, Feed, FeedKind, HostInfo, Keep, MemoryMode, Store};

#[allow(dead_code, reason = "not every bench needs the texts")]
mod captures;

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

/// Hosts, charts of each, dimensions of each chart.
const FLEETS: [(usize, usize, u32); 4] = [(100, 50, 4), (100, 20, 10), (100, 2, 100), (20, 20, 100)];
/// At the beginning of a block.
const START_S: i64 = 1_795_387_020;
const HISTORY_ROWS: u32 = 1_200;
const SECONDS_BEFORE: i64 = 1_500;
const SECONDS: i64 = 3_600;

fn main() {
    let values = Values::read();
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>7} {:>10} {:>11}",
        "appended", "samples/s", "ns/row", "ns/sample", "read", "alloc/row", "alloc/block"
    );
    for fleet in FLEETS {
        Report::of(fleet, &values, true).print("stored");
        Report::of(fleet, &values, false).print("collected");
    }
}

/// Columns of 60 values, which dimensions take in turn.
struct Values {
    columns: Vec<[u32; ROWS]>,
}

impl Values {
    fn read() -> Self {
        let mut columns = Vec::new();
        for chart in captures::FILES.into_iter().filter_map(captures::charts).flatten() {
            for block in chart.blocks {
                columns
                    .extend((0..block.stride).map(|at| std::array::from_fn(|row| block.rows[row * block.stride + at])));
            }
        }
        let constant =
            columns.iter().filter(|column: &&[u32; ROWS]| column.iter().all(|value| *value == column[0])).count();
        if columns.is_empty() {
            println!("no captures are at hand: values are made up, three dimensions in four stand still");
            columns.extend((0..4_000).map(made_up));
        } else {
            println!("{} columns of real values, {} % constant", columns.len(), 100 * constant / columns.len());
        }
        Self { columns }
    }

    /// The value of a dimension, numbered over all hosts, at a second.
    fn at(&self, dimension: usize, second: i64) -> Packed {
        let (block, row) = (second as usize / ROWS, second as usize % ROWS);
        Packed::from_bits(self.columns[(dimension * 7 + block * 13) % self.columns.len()][row])
    }
}

fn made_up(number: usize) -> [u32; ROWS] {
    std::array::from_fn(|row| {
        let step = if number.is_multiple_of(4) { number * 31 + row * row * 7 % 101 } else { number };
        Packed::pack(step as f64 / 8.0, row::PointFlags::NORMAL).to_bits()
    })
}

struct Fleet<'a> {
    feeds: Vec<Feed>,
    charts: usize,
    dimensions: u32,
    values: &'a Values,
    is_stored: bool,
    /// What counters read, one in two of the collected dimensions.
    counters: Vec<i64>,
}

impl<'a> Fleet<'a> {
    fn new((hosts, charts, dimensions): (usize, usize, u32), values: &'a Values, is_stored: bool) -> Self {
        let store = Store::new();
        let kind = if is_stored { FeedKind::Stored } else { FeedKind::Collected };
        let feeds = (0..hosts).map(|host| {
            let mut guid = [7; 16];
            guid[..8].copy_from_slice(&(host as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
            let info = HostInfo::unknown(Guid::from_bytes(guid));
            let mut feed = store.add(&info, Keep::new(MemoryMode::Ram, HISTORY_ROWS)).claim(kind, info);
            define(&mut feed, charts, dimensions);
            feed
        });
        let counters = vec![0; if is_stored { 0 } else { hosts * charts * dimensions as usize }];
        Self { feeds: feeds.collect(), charts, dimensions, values, is_stored, counters }
    }

    fn samples(&self) -> usize {
        self.feeds.len() * self.charts * self.dimensions as usize
    }

    /// One second of all hosts.
    fn second(&mut self, second: i64) {
        let mut dimension = 0;
        for feed in &mut self.feeds {
            let mut writer = feed.writer(now(second)).expect("nobody else claims the feed");
            for chart in 0..self.charts {
                writer.begin(ChartSlot(chart as u32));
                for index in 0..self.dimensions {
                    let value = self.values.at(dimension, second);
                    if self.is_stored {
                        writer.set_stored(index, Some(i64::from(value.to_bits())), value);
                    } else {
                        writer.set(index, collected(&mut self.counters[dimension], index, value));
                    }
                    dimension += 1;
                }
                if self.is_stored {
                    writer.end_stored(START_S + second, true);
                } else {
                    writer.end(Elapsed::Us(1_000_000));
                }
            }
        }
    }

    /// The same without the store.
    fn read(&mut self, second: i64) {
        for dimension in 0..self.samples() {
            let value = self.values.at(dimension, second);
            if self.is_stored {
                black_box(value);
            } else {
                let index = dimension as u32 % self.dimensions;
                black_box(collected(&mut self.counters[dimension], index, value));
            }
        }
    }
}

/// The integer that a source reads where it stores this value: thousandths, or their running sum.
fn collected(counter: &mut i64, index: u32, value: Packed) -> i64 {
    let thousandths = if value.is_empty() { 0 } else { (value.unpack() * 1_000.0) as i64 };
    if index.is_multiple_of(2) {
        return thousandths;
    }
    *counter = counter.wrapping_add(thousandths.max(0));
    *counter
}

fn now(second: i64) -> Now {
    Now { wall_us: (START_S + second) * 1_000_000 + 10_000, mono_us: (second as u64 + 10) * 1_000_000 }
}

fn define(feed: &mut Feed, charts: usize, dimensions: u32) {
    let mut writer = feed.writer(now(0)).expect("nobody else claims the feed");
    for chart in 0..charts {
        let id = format!("bench.chart{chart}");
        let definition = ChartDefinition { id: &id, update_every_s: 1, ..Default::default() };
        let slot = writer.define_chart(&definition).expect("a chart like any other");
        for index in 0..dimensions {
            let id = format!("dimension{index}");
            let algorithm = if index.is_multiple_of(2) { Algorithm::Absolute } else { Algorithm::Incremental };
            let definition = DimensionDefinition { id: &id, algorithm, divisor: 1_000, ..Default::default() };
            writer.define_dimension(slot, &definition).expect("a dimension like any other");
        }
    }
}

struct Report {
    fleet: (usize, usize, u32),
    store_ns: f64,
    read_ns: f64,
    rows: f64,
    allocations: u64,
}

impl Report {
    fn of(fleet: (usize, usize, u32), values: &Values, is_stored: bool) -> Self {
        let mut running = Fleet::new(fleet, values, is_stored);
        (0..SECONDS_BEFORE).for_each(|second| running.second(second));
        let (allocations, begun_ns) = (cost::allocations(), cost::cpu_ns());
        (SECONDS_BEFORE..SECONDS_BEFORE + SECONDS).for_each(|second| running.second(second));
        let (allocations, stored_ns) = (cost::allocations() - allocations, cost::cpu_ns());
        (SECONDS_BEFORE..SECONDS_BEFORE + SECONDS).for_each(|second| running.read(second));
        Self {
            fleet,
            store_ns: (stored_ns - begun_ns) as f64,
            read_ns: (cost::cpu_ns() - stored_ns) as f64,
            rows: (fleet.0 * fleet.1) as f64 * SECONDS as f64,
            allocations,
        }
    }

    fn print(&self, kind: &str) {
        let (hosts, charts, dimensions) = self.fleet;
        let name = format!("{kind}, {hosts} x {charts} x {dimensions}");
        let row_ns = (self.store_ns - self.read_ns) / self.rows;
        println!(
            "{name:<28} {:>9} {row_ns:>9.1} {:>9.2} {:>7.2} {:>10.6} {:>11.4}",
            hosts * charts * dimensions as usize,
            row_ns / f64::from(dimensions),
            self.read_ns / self.rows / f64::from(dimensions),
            self.allocations as f64 / self.rows,
            self.allocations as f64 / (self.rows / ROWS as f64),
        );
    }
}
