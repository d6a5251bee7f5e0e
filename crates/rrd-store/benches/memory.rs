//! What hosts take in memory with an hour of history, everything counted.
//!
//! `cargo bench -p rrd-store --bench memory`. Charts, texts and rows are those of real children, their
//! rows played round and round; without captures there is nothing to say. *Fixed* is what is live a
//! row before the first block is sealed, for charts that are known and collected; what comes on top
//! once the hour is full belongs to the stored samples. To hold: 1 byte per sample, 1 KiB fixed.

use row::{DimensionDefinition, Guid, Now, Packed};
use rrd_store::block::ROWS;
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};
use std::sync::Arc;

mod captures;

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

/// Dimensions of a host, and how many such hosts share a store.
const FLEETS: [(usize, usize); 3] = [(20, 100), (200, 20), (2_000, 2)];
/// At the beginning of a block.
const START_S: i64 = 1_795_387_020;
const HISTORY_ROWS: u32 = 3_600;
/// Late enough that all hosts have sealed, whatever their phase, and the oldest blocks went.
const SECONDS: i64 = 3_600 + 3 * 60;
const FIXED_BYTES_MAX: f64 = 1_024.0;
const SAMPLE_BYTES_MAX: f64 = 1.0;

fn main() {
    println!(
        "{:<28} {:>6} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6}",
        "live bytes", "dims", "a chart", "fixed/dim", "sample", "total/dim", "blocks/h", "rows/dim", "holds"
    );
    for file in captures::FILES {
        let Some(charts) = captures::charts(file) else {
            println!("{file} is not at hand");
            continue;
        };
        for (dimensions, hosts) in FLEETS {
            Report::of(&charts, dimensions, hosts).print(file);
        }
    }
}

struct Fleet<'a> {
    hosts: Vec<(Arc<Host>, Feed)>,
    /// The charts of each host.
    charts: Vec<Vec<&'a captures::Chart>>,
}

impl<'a> Fleet<'a> {
    fn new(store: &Store, charts: &'a [captures::Chart], dimensions: usize, hosts: usize) -> Self {
        let picked: Vec<_> = (0..hosts).map(|host| pick(charts, host, dimensions)).collect();
        let hosts = (0..hosts).map(|number| {
            let mut guid = [3; 16];
            guid[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
            let info = HostInfo::unknown(Guid::from_bytes(guid));
            let host = store.add(&info, Keep::new(MemoryMode::Ram, HISTORY_ROWS));
            let mut feed = host.claim(FeedKind::Stored, info);
            define(&mut feed, &picked[number]);
            (host, feed)
        });
        Self { hosts: hosts.collect(), charts: picked }
    }

    fn second(&mut self, second: i64) {
        let row = second as usize % ROWS;
        for (number, (_, feed)) in self.hosts.iter_mut().enumerate() {
            let mut writer = feed.writer(now(second)).expect("nobody else claims the feed");
            for (slot, chart) in self.charts[number].iter().enumerate() {
                let block = &chart.blocks[(second as usize / ROWS + number) % chart.blocks.len()];
                writer.begin(row::ChartSlot(slot as u32));
                let values = &block.rows[row * block.stride..][..block.stride];
                for (index, &bits) in values.iter().enumerate() {
                    writer.set_stored(index as u32, Some(0), Packed::from_bits(bits));
                }
                writer.end_stored(START_S + second, true);
            }
        }
    }

    fn dimensions(&self) -> usize {
        self.charts.iter().flatten().map(|chart| chart.dimensions.len()).sum()
    }

    /// Bytes of the bench itself.
    fn own_bytes(&self) -> usize {
        let charts = self.charts.iter().map(|charts| charts.capacity() * size_of::<&captures::Chart>());
        size_of_val(&self.hosts[..])
            + self.charts.capacity() * size_of::<Vec<&captures::Chart>>()
            + charts.sum::<usize>()
    }
}

/// Charts of a host: of all kinds and sizes, others for each host, none too large for what is left.
fn pick(charts: &[captures::Chart], host: usize, dimensions: usize) -> Vec<&captures::Chart> {
    let mut left = dimensions;
    let wanted = |chart: &&captures::Chart| {
        let fits = chart.dimensions.len() <= left;
        left -= if fits { chart.dimensions.len() } else { 0 };
        fits
    };
    (0..10 * dimensions).map(|at| &charts[(host * 31 + at * 7) % charts.len()]).filter(wanted).collect()
}

fn now(second: i64) -> Now {
    Now { wall_us: (START_S + second) * 1_000_000 + 10_000, mono_us: (second as u64 + 10) * 1_000_000 }
}

fn define(feed: &mut Feed, charts: &[&captures::Chart]) {
    let mut writer = feed.writer(now(0)).expect("nobody else claims the feed");
    for (number, chart) in charts.iter().enumerate() {
        let id = format!("{}_{number}", chart.texts[4]);
        let slot = writer.define_chart(&chart.definition(&id)).expect("a real definition");
        for [id, name] in &chart.dimensions {
            let definition = DimensionDefinition { id, name, ..Default::default() };
            writer.define_dimension(slot, &definition).expect("a real definition");
        }
    }
}

struct Report {
    dimensions: f64,
    hosts: usize,
    charts: f64,
    fixed: cost::Live,
    full: cost::Live,
    /// What grew, by class.
    classes: [cost::Live; cost::CLASSES],
    fixed_classes: [cost::Live; cost::CLASSES],
    /// What the store says that rows take.
    rows: usize,
}

/// What the allocator gave out, and slabs, which lie apart.
fn live() -> cost::Live {
    let live = cost::live();
    cost::Live { bytes: live.bytes + heap::piece_bytes() as i64, ..live }
}

impl Report {
    fn of(charts: &[captures::Chart], dimensions: usize, hosts: usize) -> Self {
        let store = Store::new();
        let (before, before_classes) = (live(), cost::live_by_class());
        let mut fleet = Fleet::new(&store, charts, dimensions, hosts);
        let own = fleet.own_bytes();
        (0..ROWS as i64 - 1).for_each(|second| fleet.second(second));
        let (mut fixed, fixed_classes) = (live() - before, cost::live_by_class());
        (ROWS as i64 - 1..SECONDS).for_each(|second| fleet.second(second));
        let (mut full, classes) = (live() - before, cost::live_by_class());
        fixed.bytes -= own as i64;
        full.bytes -= own as i64;
        Self {
            dimensions: fleet.dimensions() as f64,
            hosts,
            charts: fleet.charts.iter().flatten().count() as f64,
            fixed,
            full,
            classes: std::array::from_fn(|class| classes[class] - fixed_classes[class]),
            fixed_classes: std::array::from_fn(|class| fixed_classes[class] - before_classes[class]),
            rows: fleet.hosts.iter().map(|(host, _)| host.bytes()).sum(),
        }
    }

    fn print(&self, file: &str) {
        let fixed = self.fixed.bytes as f64 / self.dimensions;
        let grown = self.full - self.fixed;
        let sample = grown.bytes as f64 / self.dimensions / f64::from(HISTORY_ROWS);
        let holds = fixed <= FIXED_BYTES_MAX && sample <= SAMPLE_BYTES_MAX;
        println!(
            "{:<28} {:>6.0} {:>7.1} {fixed:>9.0} {sample:>9.3} {:>9.0} {:>9.1} {:>9.0} {:>6}",
            file.trim_start_matches("netdata-"),
            self.dimensions / self.hosts as f64,
            self.dimensions / self.charts,
            self.full.bytes as f64 / self.dimensions,
            grown.blocks as f64 / self.hosts as f64,
            self.rows as f64 / self.dimensions,
            if holds { "yes" } else { "NO" },
        );
        if std::env::var_os("CLASSES").is_some() {
            self.print_classes("fixed", &self.fixed_classes);
            self.print_classes("grown", &self.classes);
        }
    }

    /// What blocks of which size come to, in bytes per dimension.
    fn print_classes(&self, name: &str, classes: &[cost::Live; cost::CLASSES]) {
        print!("    {name}:");
        for (class, live) in classes.iter().enumerate().filter(|(_, live)| live.bytes != 0) {
            let bytes = live.bytes as f64 / self.dimensions;
            print!("  <={} B: {:.1} x, {bytes:.0} B", 1_u64 << class, live.blocks as f64 / self.hosts as f64);
        }
        println!();
    }
}
