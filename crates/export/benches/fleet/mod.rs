//! A fleet in a store: hosts with charts as on a usual machine, whose rows go on.

use std::sync::Arc;

use row::{Algorithm, ChartDefinition, ChartSlot, DimensionDefinition, Guid, Label, Now, Packed, PointFlags};
use rrd_store::{Feed, FeedKind, Host, HostInfo, Keep, MemoryMode, Store};

/// Rows that are there at first.
const ROWS: i64 = 157;
/// Such that windows end a second before the full tens, as those of nodes.
const BEGIN_S: i64 = 1_795_387_618;

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) hosts: u32,
    pub(crate) charts: u32,
    pub(crate) dimensions: u32,
}

pub(crate) struct Fleet {
    pub(crate) hosts: Vec<Arc<Host>>,
    pub(crate) last_s: i64,
    size: Size,
    feeds: Vec<Feed>,
    random: u64,
}

impl Size {
    pub(crate) const fn samples(self) -> u64 {
        self.hosts as u64 * self.charts as u64 * self.dimensions as u64
    }
}

impl Fleet {
    pub(crate) fn new(store: &Store, size: Size) -> Self {
        let (hosts, feeds) = (0..size.hosts).map(|number| host(store, number, size)).unzip();
        let mut fleet = Self { hosts, last_s: BEGIN_S - ROWS, size, feeds, random: 1 };
        fleet.go_on(ROWS);
        fleet
    }

    /// A second after its newest row.
    pub(crate) const fn now(&self) -> Now {
        Now { wall_us: (self.last_s + 1) * 1_000_000, mono_us: 1 }
    }

    /// Writes rows of so many seconds.
    pub(crate) fn go_on(&mut self, seconds: i64) {
        let now = Now { wall_us: (self.last_s + seconds + 1) * 1_000_000, mono_us: 1 };
        let span = self.last_s + 1..=self.last_s + seconds;
        for feed in &mut self.feeds {
            let mut writer = feed.writer(now).expect("nobody else claims the feed");
            for chart in 0..self.size.charts {
                for time_s in span.clone() {
                    writer.begin(ChartSlot(chart));
                    for dimension in 0..self.size.dimensions {
                        self.random =
                            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        let value = if dimension % 2 == 0 { 0.0 } else { (self.random >> 40) as f64 / 1e5 };
                        let packed = Packed::pack(value, PointFlags::NORMAL);
                        writer.set_stored(dimension, Some((self.random >> 33) as i64), packed);
                    }
                    writer.end_stored(time_s, true);
                }
            }
        }
        self.last_s += seconds;
    }
}

fn host(store: &Store, number: u32, size: Size) -> (Arc<Host>, Feed) {
    let mut guid = [0xab; 16];
    guid[12..].copy_from_slice(&number.to_be_bytes());
    let guid = Guid::from_bytes(guid);
    let info = HostInfo { hostname: format!("host{number}"), ..HostInfo::unknown(guid) };
    let host = store.add(&info, Keep::new(MemoryMode::Ram, 120));
    let mut feed = host.claim(FeedKind::Stored, info);
    let mut writer =
        feed.writer(Now { wall_us: BEGIN_S * 1_000_000, mono_us: 1 }).expect("nobody else claims the feed");
    let labels = [("env", "test lab"), ("rack", "r1/a.b"), ("team", "core")];
    writer.set_host_labels(&labels.map(|(name, value)| Label { name, value, source: 1 }));
    for chart in 0..size.charts {
        let (id, context) = (format!("system.chart_number{chart}"), format!("system.context{}", chart * 3 / 4));
        let definition = ChartDefinition {
            id: &id,
            context: &context,
            title: "What is counted by this chart",
            units: "operations/s",
            family: "family",
            update_every_s: 1,
            ..Default::default()
        };
        let slot = writer.define_chart(&definition).expect("the definition is sound");
        for dimension in 0..size.dimensions {
            let id = format!("dimension{dimension}");
            let definition = DimensionDefinition { id: &id, algorithm: Algorithm::Incremental, ..Default::default() };
            writer.define_dimension(slot, &definition).expect("the definition is sound");
        }
    }
    drop(writer);
    (host, feed)
}
