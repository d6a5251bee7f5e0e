//! The source: a host that collects a few charts every second, and a record of all it ever stored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use row::{Algorithm, ChartDefinition, ChartOptions, ChartSlot, DimensionDefinition, Label, Now, Packed, Row};
use rrd_store::{ChartView, Elapsed, Feed, FeedKind, Host, HostView, Keep, MemoryMode, Store, Tap};

use super::random::Random;
use crate::testing::info;

/// Rows of one chart, by second: several where a second was stored more than once.
pub(super) type Rows = BTreeMap<i64, Vec<Vec<Packed>>>;
/// Whatever the source stored, by chart.
pub(super) type Truth = Arc<Mutex<Vec<Rows>>>;

pub(super) struct Dimension {
    pub(super) id: &'static str,
    algorithm: Algorithm,
    factors: (i32, i32),
    value: i64,
}

pub(super) struct Chart {
    pub(super) id: String,
    every_s: i64,
    born_s: i64,
    pub(super) dimensions: Vec<Dimension>,
    /// How many of them are defined so far.
    known: usize,
    label: u64,
    obsolete: bool,
}

pub(super) struct Source {
    pub(super) host: Arc<Host>,
    feed: Feed,
    pub(super) charts: Vec<Chart>,
    pub(super) truth: Truth,
}

/// What the host's charts are called on the wire.
pub(super) const HIDDEN: &str = "sim.hidden";
const IDS: [&str; 7] =
    ["sim.plain", "sim.o'clock", "sim.a \"quoted\" one", "sim.slow", HIDDEN, "sim.back\\slash", "sim.last"];
const DIMENSIONS: [&str; 6] = ["in", "it's", "a b", "END", "out \"2\"", "late"];
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Absolute,
    Algorithm::Incremental,
    Algorithm::PercentageOfAbsoluteRow,
    Algorithm::PercentageOfIncrementalRow,
    Algorithm::Incremental,
    Algorithm::Absolute,
];
const FACTORS: [(i32, i32); 4] = [(1, 1), (-1, 1), (1, 1_000), (8, 1_024)];

impl Chart {
    fn new(random: &mut Random, number: usize, start_s: i64) -> Self {
        let mut id = IDS[number % IDS.len()].to_owned();
        if random.permille(20) {
            // Longer than the wire takes.
            id.push_str(&"x".repeat(1_050));
        }
        let one_algorithm = random.permille(500).then(|| ALGORITHMS[random.below(ALGORITHMS.len())]);
        let count = 1 + random.below(DIMENSIONS.len());
        let dimension = |id| Dimension {
            id,
            algorithm: one_algorithm.unwrap_or(ALGORITHMS[random.below(ALGORITHMS.len())]),
            factors: FACTORS[random.below(FACTORS.len())],
            value: if random.permille(100) { 1 << 33 } else { random.between(0, 50_000) },
        };
        let dimensions: Vec<_> = DIMENSIONS[..count].iter().copied().map(dimension).collect();
        Self {
            id,
            every_s: [1, 1, 1, 5][random.below(4)],
            born_s: start_s + if random.permille(700) { 0 } else { random.between(0, 80) },
            known: 1 + random.below(count),
            dimensions,
            label: 0,
            obsolete: false,
        }
    }

    fn define(&self, writer: &mut rrd_store::Writer<'_>) -> ChartSlot {
        let options = if self.obsolete { ChartOptions::OBSOLETE } else { ChartOptions::default() };
        let definition = ChartDefinition {
            id: &self.id,
            title: "a chart",
            update_every_s: self.every_s as u32,
            options,
            ..Default::default()
        };
        let slot = writer.define_chart(&definition).unwrap();
        for Dimension { id, algorithm, factors, .. } in &self.dimensions[..self.known] {
            let definition = DimensionDefinition {
                id,
                algorithm: *algorithm,
                multiplier: factors.0,
                divisor: factors.1,
                ..Default::default()
            };
            writer.define_dimension(slot, &definition).unwrap();
        }
        if self.label > 0 {
            let value = self.label.to_string();
            writer.set_chart_labels(slot, &[Label { name: "turn", value: &value, source: 1 }]);
        }
        slot
    }

    fn collect(&mut self, writer: &mut rrd_store::Writer<'_>, random: &mut Random) {
        let slot = self.define(writer);
        writer.begin(slot);
        for (index, dimension) in (0..).zip(&mut self.dimensions[..self.known]) {
            let is_gauge = matches!(dimension.algorithm, Algorithm::Absolute | Algorithm::PercentageOfAbsoluteRow);
            if is_gauge {
                dimension.value = random.between(-5_000, 5_000);
            } else if random.permille(10) {
                dimension.value = random.between(0, 100);
            } else if !random.permille(300) {
                dimension.value += random.between(0, 3_000);
            }
            if !random.permille(60) {
                writer.set(index, dimension.value);
            }
        }
        writer.end(Elapsed::Clock);
    }
}

impl Source {
    pub(super) fn new(random: &mut Random, start_s: i64) -> Self {
        let charts: Vec<_> =
            (0..2 + random.below(IDS.len() - 1)).map(|number| Chart::new(random, number, start_s)).collect();
        let truth = Truth::default();
        truth.lock().unwrap().resize(charts.len(), Rows::new());
        let (host, feed) = open(&charts, &truth);
        Self { host, feed, charts, truth }
    }

    /// A new process: the store begins anew, the machine stays the same.
    pub(super) fn restart(&mut self) {
        (self.host, self.feed) = open(&self.charts, &self.truth);
    }

    pub(super) fn collect(&mut self, second: i64, now: Now, random: &mut Random) {
        let mut writer = self.feed.writer(now).unwrap();
        for chart in &mut self.charts {
            if second >= chart.born_s && !chart.obsolete && second % chart.every_s == 0 {
                chart.collect(&mut writer, random);
            }
        }
    }

    /// Something about a chart's definition changes.
    pub(super) fn redefine(&mut self, second: i64, now: Now, random: &mut Random) {
        let place = random.below(self.charts.len());
        let chart = &mut self.charts[place];
        if second < chart.born_s {
            return;
        }
        match random.below(4) {
            0 => chart.known = (chart.known + 1).min(chart.dimensions.len()),
            1 => chart.label += 1,
            _ => {
                chart.obsolete = !chart.obsolete;
                let mut writer = self.feed.writer(now).unwrap();
                chart.define(&mut writer);
            }
        }
    }
}

fn open(charts: &[Chart], truth: &Truth) -> (Arc<Host>, Feed) {
    let host = Store::new().add(&info(1), Keep::new(MemoryMode::Ram, 3_600));
    let ids = charts.iter().map(|chart| chart.id.clone()).collect();
    host.attach(|_| Recorder { ids, places: Vec::new(), truth: Arc::clone(truth) });
    let feed = host.claim(FeedKind::Local, info(1));
    (host, feed)
}

/// Writes down each row that the source stores.
struct Recorder {
    ids: Vec<String>,
    places: Vec<usize>,
    truth: Truth,
}

impl Tap for Recorder {
    fn host(&mut self, _: &HostView<'_>) {}

    fn definition(&mut self, chart: &ChartView<'_>, _: Now) {
        let slot = chart.slot().0 as usize;
        self.places.resize(self.places.len().max(slot + 1), usize::MAX);
        self.places[slot] = self.ids.iter().position(|id| id == chart.id()).unwrap();
    }

    fn row(&mut self, row: &Row<'_>) {
        let Some(time_s) = row.time_s else { return };
        let values = row.samples.iter().map(|sample| sample.value).collect();
        let place = self.places[row.chart.0 as usize];
        self.truth.lock().unwrap()[place].entry(time_s).or_default().push(values);
    }

    fn wake(&mut self) {}
}
