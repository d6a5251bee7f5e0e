//! From collected to stored values: random charts in the store, beside a plain reference.
//!
//! `SEED=7 cargo test -p rrd-store --test collection_model` replays one case and prints its steps.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use row::{ChartDefinition, ChartOptions, ChartSlot, Guid, Now, Packed, Row, Sample};
use rrd_store::{ChartView, Feed, Host, HostInfo, HostView, Keep, MemoryMode, Store, Tap, TapId};

mod cases;
mod random;
mod reference;

use cases::{Case, Step};
use random::Random;
use reference::{Collection, Point, Reference, Value};

const CASES: u64 = 3_000;
const START_US: i64 = 1_795_387_000_000_000;
const HISTORY_ROWS: u32 = 200;
/// A clock that parts from the monotonic one by more was set.
const CLOCK_JUMP_US: i64 = 500_000;
/// The largest number that is kept.
const PACKED_MAX: f64 = 1.6777215e21;

/// What the store keeps of collected values is what the description says, for any source.
#[test]
fn stores_what_the_reference_says() {
    if let Ok(seed) = std::env::var("SEED") {
        run(seed.parse().expect("SEED is a number"), true);
        return;
    }
    for seed in 0..CASES {
        run(seed, false);
    }
}

fn run(seed: u64, is_told: bool) {
    let case = Case::random(&mut Random(seed));
    let mut pair = Pair::new(seed, &case);
    for step in &case.steps {
        if is_told {
            println!("{step:?}");
        }
        pair.step(step);
    }
    pair.compare_ring();
}

/// A chart of the store, and the reference.
struct Pair {
    seed: u64,
    host: Arc<Host>,
    feed: Option<Feed>,
    kind: rrd_store::FeedKind,
    slot: ChartSlot,
    every_s: i64,
    tap: Arc<Mutex<Vec<Seen>>>,
    _tap_id: TapId,
    reference: Reference,
    /// The last collected value of each dimension.
    collected: Vec<i64>,
    wall_us: i64,
    mono_us: u64,
    /// The clock was set since the chart was collected.
    was_set: bool,
    /// By how much the clocks parted when they were read last.
    offset_us: i64,
    /// What the ring should hold.
    rows: BTreeMap<i64, Vec<Option<Value>>>,
    /// Rows up to here left the history, once.
    gone_s: i64,
}

/// A row that the tap was shown.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    time_s: Option<i64>,
    elapsed_us: Option<u64>,
    samples: Vec<Sample>,
}

struct Recorder(Arc<Mutex<Vec<Seen>>>);

impl Tap for Recorder {
    fn host(&mut self, _: &HostView<'_>) {}
    fn definition(&mut self, _: &ChartView<'_>, _: Now) {}
    fn row(&mut self, row: &Row<'_>) {
        let seen = Seen { time_s: row.time_s, elapsed_us: row.elapsed_us, samples: row.samples.to_vec() };
        self.0.lock().unwrap().push(seen);
    }
    fn wake(&mut self) {}
}

fn info() -> HostInfo {
    HostInfo::unknown(Guid::from_bytes([7; 16]))
}

impl Pair {
    fn new(seed: u64, case: &Case) -> Self {
        let host = Store::new().add(&info(), Keep::new(MemoryMode::Ram, HISTORY_ROWS));
        let mut feed = host.claim(case.kind, info());
        let tap = Arc::new(Mutex::new(Vec::new()));
        let tap_id = host.attach(|_| Recorder(Arc::clone(&tap)));
        let wall_us = START_US + Random(seed ^ 1).below(60_000_000);
        let mono_us = 5_000_000;
        let options = if case.store_first { ChartOptions::STORE_FIRST } else { ChartOptions(0) };
        let definition =
            ChartDefinition { id: "model.chart", update_every_s: case.every_s, options, ..Default::default() };
        let now = Now { wall_us, mono_us };
        let slot = feed.writer(now).unwrap().define_chart(&definition).unwrap();
        Self {
            seed,
            feed: Some(feed),
            kind: case.kind,
            host,
            slot,
            every_s: i64::from(case.every_s),
            tap,
            _tap_id: tap_id,
            reference: Reference::new(i64::from(case.every_s), case.store_first),
            collected: Vec::new(),
            wall_us,
            mono_us,
            was_set: false,
            offset_us: wall_us - mono_us as i64,
            rows: BTreeMap::new(),
            gone_s: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Define(index, ref definition) => {
                let id = format!("d{index}");
                let definition = definition.named(&id);
                let slot = self.slot;
                let now = self.now();
                let mut writer = self.feed.as_mut().unwrap().writer(now).unwrap();
                assert_eq!(writer.define_dimension(slot, &definition).unwrap() as usize, index);
                drop(writer);
                self.reference.define(index, &definition);
                self.collected.resize(self.collected.len().max(index + 1), 0);
            }
            Step::SetClock(by_us) => self.wall_us += by_us,
            Step::Reconnect => {
                self.feed = None;
                self.feed = Some(self.host.claim(self.kind, info()));
                if self.kind != rrd_store::FeedKind::Local {
                    self.reference.reconnect();
                }
            }
            Step::ChartState(collected_us, point_us) => self.hand_over(collected_us, point_us),
            Step::DimensionState(index, collected, carry) => {
                let (now, slot) = (self.now(), self.slot);
                let mut writer = self.feed.as_mut().unwrap().writer(now).unwrap();
                writer.set_dimension_state(slot, index as u32, collected, carry);
                drop(writer);
                self.reference.set_dimension_state(index, collected, carry);
                self.collected[index] = collected;
            }
            Step::Collect { wait_us, elapsed, ref values } => {
                self.wall_us += wait_us;
                self.mono_us += wait_us as u64;
                self.collect(elapsed, values);
            }
        }
    }

    /// Reads the clocks, as each batch does.
    fn now(&mut self) -> Now {
        let offset_us = self.wall_us - self.mono_us as i64;
        self.was_set |= (offset_us - self.offset_us).abs() > CLOCK_JUMP_US;
        self.offset_us = offset_us;
        Now { wall_us: self.wall_us, mono_us: self.mono_us }
    }

    fn hand_over(&mut self, collected_us: i64, point_us: i64) {
        let newest_s = self.last_s();
        let base_us = if newest_s == 0 { START_US } else { newest_s * 1_000_000 };
        let (collected_us, point_us) = (base_us + collected_us, base_us + point_us);
        let (now, slot) = (self.now(), self.slot);
        self.feed.as_mut().unwrap().writer(now).unwrap().set_chart_state(slot, collected_us, point_us);
        // What is stored already stays.
        self.reference.set_chart_state(collected_us, point_us.max(newest_s * 1_000_000));
    }

    fn last_s(&self) -> i64 {
        self.host.read(|host| host.chart(self.slot).unwrap().last_s())
    }

    fn collect(&mut self, elapsed: rrd_store::Elapsed, values: &[Option<i64>]) {
        let (now, slot) = (self.now(), self.slot);
        let mut writer = self.feed.as_mut().unwrap().writer(now).unwrap();
        writer.begin(slot);
        for (index, value) in values.iter().enumerate() {
            if let Some(value) = *value {
                writer.set(index as u32, value);
                self.collected[index] = value;
            }
        }
        writer.end(elapsed);
        drop(writer);
        let was_set = std::mem::take(&mut self.was_set);
        let expected = self.reference.collect(self.wall_us, was_set, elapsed, values);
        self.compare_tap(&expected, values);
        self.keep(&expected, now);
    }

    /// The tap saw all points but those of a gap, and when the collection was.
    fn compare_tap(&self, expected: &Collection, values: &[Option<i64>]) {
        let seen = std::mem::take(&mut *self.tap.lock().unwrap());
        let points: Vec<&Point> = expected.points.iter().filter(|point| !point.is_gap).collect();
        let seed = self.seed;
        let seconds: Vec<_> = seen.iter().map(|row| row.time_s).collect();
        let mut due: Vec<_> = points.iter().map(|point| Some(point.time_s)).collect();
        if due.is_empty() {
            due.push(None);
        }
        assert_eq!(seconds, due, "seed {seed}: rows after {expected:?}");
        for (at, row) in seen.iter().enumerate() {
            let last = at + 1 == seen.len();
            assert_eq!(row.elapsed_us, last.then_some(expected.elapsed_us), "seed {seed}: {expected:?}");
            assert_eq!(row.samples.len(), values.len(), "seed {seed}");
            for (index, sample) in row.samples.iter().enumerate() {
                assert_eq!(sample.updated, values[index].is_some(), "seed {seed}");
                assert_eq!(sample.collected, self.collected[index], "seed {seed}");
                let point = points.get(at);
                let value = point.and_then(|point| point.values[index]);
                let what = || format!("seed {seed}, d{index} at {:?} of {expected:?}", row.time_s);
                compare(sample.value, value, what);
                if !sample.value.is_empty() {
                    assert_eq!(sample.value.is_reset(), point.unwrap().is_reset, "{}", what());
                }
            }
        }
    }

    /// Does with the points what the ring should do.
    fn keep(&mut self, expected: &Collection, now: Now) {
        if expected.is_base {
            // Rows of a future that is none any more.
            self.rows.retain(|&time_s, _| time_s <= now.wall_s());
        }
        for point in &expected.points {
            if !point.is_gap {
                let row = self.rows.entry(point.time_s).or_insert_with(|| vec![None; point.values.len()]);
                row.resize(row.len().max(point.values.len()), None);
                row.iter_mut().zip(&point.values).for_each(|(place, value)| *place = place.or(*value));
            }
        }
        if let Some((&newest_s, _)) = self.rows.last_key_value() {
            self.gone_s = self.gone_s.max(newest_s - i64::from(HISTORY_ROWS) * self.every_s);
        }
    }

    fn compare_ring(&self) {
        let seed = self.seed;
        let mut found = BTreeMap::new();
        let snapshot = self.host.read(|host| host.chart(self.slot).unwrap().snapshot(self.gone_s, i64::MAX / 4));
        snapshot.rows(|time_s, values| drop(found.insert(time_s, values.to_vec())));
        for (time_s, row) in self.rows.range(self.gone_s + 1..) {
            let values = found.remove(time_s).unwrap_or_default();
            for (index, value) in row.iter().enumerate() {
                let packed = values.get(index).copied().unwrap_or(Packed::EMPTY);
                compare(packed, *value, || format!("seed {seed}, ring, d{index} at {time_s}"));
            }
        }
        found.retain(|_, row| row.iter().any(|value| !value.is_empty()));
        assert!(found.is_empty(), "seed {seed}: rows that nobody wrote: {found:?}");
    }
}

/// A packed number is what the reference calculated, as far as 24 bits and doubles go.
fn compare(packed: Packed, expected: Option<Value>, what: impl Fn() -> String) {
    let Some(Value { value, scale }) = expected else {
        assert!(packed.is_empty(), "{:?} instead of nothing: {}", packed.unpack(), what());
        return;
    };
    if !value.is_finite() {
        assert!(packed.is_empty(), "{:?} instead of {value}: {}", packed.unpack(), what());
        return;
    }
    let value = value.clamp(-PACKED_MAX, PACKED_MAX);
    let step = if value.abs() > 1.6e14 { 7e-6 } else { 3.1e-7 };
    let bound = step * value.abs() + 1e-12 * scale + 6e-8;
    let found = packed.unpack();
    assert!((found - value).abs() <= bound, "{found} instead of {value}: {}", what());
}
