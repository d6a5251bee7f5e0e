//! Tiers against a naive model that keeps all rows, in all memory modes, over restarts and kills.

use std::collections::BTreeMap;
use std::sync::Arc;

use row::{ChartDefinition, DimensionDefinition, DimensionOptions, Guid, Now, Packed, PointFlags};

use crate::disk::simulated::SimulatedDisk;
use crate::query::{Charts, Grid, Group, Query, WindowRequest};
use crate::tier::{TIER_BYTES_MIN, TIER_ROWS_MAX};
use crate::{Disk, Feed, FeedKind, Host, HostInfo, Keep, Keeper, Life, MemoryMode, Patience, Store, TierSettings};

const START_S: i64 = 1_795_387_013;
const CHARTS: [(&str, i64); 5] = [("k.one", 1), ("k.two", 2), ("k.five", 5), ("k.ten", 10), ("k.sixty", 60)];
/// Rows per chart that the hosts keep.
const HISTORY: u32 = 130;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % limit
    }
}

/// All rows that a chart ever took, by second.
type Model = BTreeMap<i64, Vec<Option<f64>>>;

struct World {
    mode: MemoryMode,
    tiers: Vec<TierSettings>,
    disk: Arc<SimulatedDisk>,
    store: Store,
    keeper: Keeper,
    feed: Option<Feed>,
    second: i64,
    models: Vec<Model>,
    dimensions: Vec<u32>,
}

fn tiers(settings: &[(u32, u32)]) -> Vec<TierSettings> {
    settings.iter().map(|&(step_s, rows)| TierSettings { step_s, rows, bytes: None }).collect()
}

fn info() -> HostInfo {
    HostInfo::unknown(Guid::from_bytes([7; 16]))
}

impl World {
    fn new(mode: MemoryMode, tiers: Vec<TierSettings>) -> Self {
        let disk = Arc::new(SimulatedDisk::default());
        let keeper = Keeper::new(Arc::clone(&disk) as Arc<dyn Disk>, 10_000_000, |keep| keep.on_disk);
        let mut world = Self {
            mode,
            tiers,
            disk,
            store: Store::new(),
            keeper,
            feed: None,
            second: START_S,
            models: vec![Model::new(); CHARTS.len()],
            dimensions: vec![1; CHARTS.len()],
        };
        world.start();
        world
    }

    /// A node starts on what the disk holds.
    fn start(&mut self) {
        self.feed = None;
        self.store = Store::with_tiers(&self.tiers);
        self.store.load(&(Arc::clone(&self.disk) as Arc<dyn Disk>), |keep| keep.on_disk);
        self.keeper = Keeper::new(Arc::clone(&self.disk) as Arc<dyn Disk>, 10_000_000, |keep| keep.on_disk);
        let host = self.store.add(&info(), Keep::new(self.mode, HISTORY));
        self.feed = Some(host.claim(FeedKind::Stored, info()));
    }

    /// It stops in order, or is killed, and starts again.
    fn restart(&mut self) {
        match self.mode {
            MemoryMode::Save => assert!(self.store.save(&*self.disk, |_| true).is_empty()),
            MemoryMode::Map => {}
            MemoryMode::Ram | MemoryMode::None => return,
        }
        self.start();
    }

    fn now(&self) -> Now {
        Now { wall_us: self.second * 1_000_000, mono_us: self.second as u64 * 1_000_000 }
    }

    fn host(&self) -> Arc<Host> {
        self.store.host(info().guid).unwrap()
    }

    /// Writes a row to a chart and, where it is taken, to its model.
    fn write(&mut self, chart: usize, time_s: i64, random: &mut Random) {
        let now = self.now();
        let mut writer = self.feed.as_mut().unwrap().writer(now).unwrap();
        let (id, every_s) = CHARTS[chart];
        let definition = ChartDefinition { id, update_every_s: every_s as u32, ..Default::default() };
        let slot = writer.define_chart(&definition).unwrap();
        let count = self.dimensions[chart];
        for dimension in 0..count {
            let id = format!("d{dimension}");
            writer.define_dimension(slot, &DimensionDefinition { id: &id, ..Default::default() }).unwrap();
        }
        let mut values = Vec::new();
        writer.begin(slot);
        for dimension in 0..count {
            let value = match dimension {
                0 => random.below(1_000_000) as f64 / 1_000.0,
                1 => random.below(2_000) as f64 - 1_000.25,
                _ => 0.0,
            };
            let packed = Packed::pack(value, PointFlags::NORMAL);
            let is_there = random.below(20) > 0;
            if is_there {
                writer.set_stored(dimension, None, packed);
            }
            values.push(is_there.then(|| packed.unpack()));
        }
        if values.iter().any(Option::is_some) && writer.end_stored(time_s, time_s == now.wall_s()) {
            let row = self.models[chart].entry(time_s).or_default();
            row.resize(row.len().max(values.len()), None);
            row.iter_mut().zip(values).for_each(|(known, value)| *known = known.or(value));
        }
    }

    /// A second passes.
    fn tick(&mut self, random: &mut Random, gap: bool) {
        self.second += 1;
        for (chart, (_, every_s)) in CHARTS.into_iter().enumerate() {
            if random.below(40_000) == 0 {
                self.dimensions[chart] += 1;
            }
            if self.second % every_s == 0 && !gap && random.below(15) > 0 {
                self.write(chart, self.second, random);
            }
            // Some rows come late, and some of those twice.
            if random.below(300) == 0 {
                let from_s = self.second - random.below(200) * every_s;
                for row in 0..random.below(30) {
                    let time_s = (from_s.div_euclid(every_s) + row) * every_s;
                    if time_s < self.second {
                        self.write(chart, time_s, random);
                    }
                }
            }
        }
        self.flush();
    }

    /// The keeper comes by.
    fn flush(&mut self) {
        if self.mode == MemoryMode::Map {
            let now = self.now();
            assert!(self.keeper.flush(&self.store, now).is_empty());
        }
    }

    /// Asks a chart for rows of `step_s` that end at `before_s`, and compares them.
    fn compare(&self, chart: usize, group: Group, step_s: i64, rows: i64, before_s: i64, what: &str) {
        let (id, _) = CHARTS[chart];
        let after_s = before_s - rows * step_s + 1;
        let window = WindowRequest { after_s, before_s, points: rows, grid: Grid::Natural, ..Default::default() };
        let query = Query { window, group, ..Query::new(Charts::One(id)) };
        let Ok(answer) = self.host().query(&query, self.second + 1) else {
            assert!(self.models[chart].range(before_s - rows * step_s + 1..=before_s).next().is_none(), "{what}: {id}");
            return;
        };
        assert_eq!((answer.window.step_s, answer.window.before_s), (step_s, before_s), "{what}");
        for (row_s, values) in answer.rows() {
            let of_row = || self.models[chart].range(row_s - step_s + 1..=row_s);
            for (dimension, found) in values.iter().enumerate() {
                let points = || of_row().filter_map(|(_, row)| row.get(dimension).copied().flatten());
                let (count, total) = (points().count(), points().map(f64::abs).sum::<f64>());
                let expected = match group {
                    _ if count == 0 => f64::NAN,
                    Group::Average => points().sum::<f64>() / count as f64,
                    Group::Sum => points().sum(),
                    Group::Min => points().min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap(),
                    _ => points().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap(),
                };
                let scale = if group == Group::Sum { total } else { total / count.max(1) as f64 };
                let is_near = (found - expected).abs() <= 1e-5 * scale.max(1e-6);
                // Of equal magnitudes either sign may be told.
                let is_mirrored = group == Group::Max && found == -expected;
                assert!(
                    is_near || is_mirrored || (found.is_nan() && expected.is_nan()),
                    "{what}: {id} {dimension} {group:?} row {row_s} of {step_s} s: {found}, expected {expected} of {count}"
                );
            }
        }
    }

    /// Asks whatever the tiers answer exactly.
    fn compare_some(&self, random: &mut Random, what: &str) {
        for (chart, (_, every_s)) in CHARTS.into_iter().enumerate() {
            let step_s = self.tiers.iter().map(|tier| i64::from(tier.step_s)).max().unwrap();
            let step_s = (step_s * (1 + random.below(3))).max(every_s);
            let before_s = (self.second - random.below(5_000) * random.below(2)).div_euclid(step_s) * step_s;
            let group = [Group::Average, Group::Sum, Group::Max][random.below(3) as usize];
            self.compare(chart, group, step_s, 2 + random.below(20), before_s, what);
        }
    }
}

/// Sums of long rows are those of all rows that were ever taken, wherever these are now: charts of
/// several update everies, with gaps, late rows, later dimensions, in all memory modes, over restarts.
#[test]
fn long_rows_are_those_of_all_rows() {
    let settings: [&[(u32, u32)]; 4] = [
        &[(60, 100_000)],
        &[(60, 100_000), (300, 100_000)],
        // The finer tier is too short for most of the questions.
        &[(60, 60), (600, 1_000), (3_600, 1_000)],
        &[(300, 1_000)],
    ];
    for mode in [MemoryMode::Ram, MemoryMode::Save, MemoryMode::Map] {
        for (number, settings) in settings.into_iter().enumerate() {
            let mut random = Random(number as u64 + 10);
            let mut world = World::new(mode, tiers(settings));
            let mut gap = 0;
            for turn in 0..9_000 {
                if random.below(1_500) == 0 {
                    gap = random.below(700);
                }
                gap -= i64::from(gap > 0);
                world.tick(&mut random, gap > 0);
                if random.below(500) == 0 {
                    let what = format!("{mode:?} {settings:?} turn {turn}");
                    world.compare_some(&mut random, &what);
                    world.restart();
                    // Some of the newest rows fill up right after the start.
                    for (chart, (_, every_s)) in CHARTS.into_iter().enumerate() {
                        for back in (1..80).filter(|back| back % 7 == number as i64) {
                            world.write(chart, (world.second / every_s - back) * every_s, &mut random);
                        }
                    }
                    // First it begins its files, then it merges what came late.
                    world.flush();
                    world.flush();
                    world.compare_some(&mut random, &format!("{what}, restarted"));
                }
            }
        }
    }
}

impl World {
    /// Forgets of the models what a power loss took of the host's rows.
    fn forget_lost(&mut self, since_s: i64) {
        let host = self.host();
        for (chart, (id, _)) in CHARTS.into_iter().enumerate() {
            let mut there = Vec::new();
            host.read(|view| {
                if let Some(chart) = view.find_chart(id) {
                    chart.snapshot(since_s, i64::MAX / 2).rows(|time_s, _| there.push(time_s));
                }
            });
            self.models[chart].retain(|time_s, _| *time_s <= since_s || there.contains(time_s));
        }
    }
}

/// A power loss takes no more from tiers than from the rows, and nothing is counted twice after it.
#[test]
fn a_power_loss_takes_no_more_than_rows() {
    for seed in 1..40_u64 {
        let mut random = Random(seed);
        let mut world = World::new(MemoryMode::Map, tiers(&[(60, 100_000), (300, 1_000)]));
        for turn in 0..3 {
            for _ in 0..300 + random.below(900) {
                world.tick_without_late(&mut random);
            }
            world.disk.lose_power(random.below(1_001) as usize);
            world.start();
            world.forget_lost(world.second - 70);
            for _ in 0..5 {
                world.compare_some(&mut random, &format!("seed {seed} turn {turn}"));
            }
        }
    }
}

impl World {
    fn tick_without_late(&mut self, random: &mut Random) {
        self.second += 1;
        for (chart, (_, every_s)) in CHARTS.into_iter().enumerate() {
            if self.second % every_s == 0 && random.below(15) > 0 {
                self.write(chart, self.second, random);
            }
        }
        self.flush();
    }
}

/// Rows finer than a tier have its average at each; methods that know more than averages use it;
/// dimensions that are not shown count for percentages.
#[test]
fn fine_rows_have_the_average_of_their_period() {
    let mut random = Random(3);
    let mut world = World::new(MemoryMode::Ram, tiers(&[(60, 1_000)]));
    world.dimensions = vec![3; CHARTS.len()];
    (0..4_000).for_each(|_| world.tick(&mut random, false));
    let end_s = (world.second - 2_000) / 60 * 60;
    let before_s = end_s - 17;
    let model = &world.models[0];
    let of = |dimension: usize| {
        let points = model.range(end_s - 59..=end_s).filter_map(move |(_, row)| row.get(dimension).copied().flatten());
        points.collect::<Vec<f64>>()
    };
    let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let ask = |group: Group, points: i64, dimensions: Option<&str>, percentage: bool| {
        let window = WindowRequest { after_s: before_s - 39, before_s, points, unaligned: true, ..Default::default() };
        let pattern = dimensions.map(patterns::SimplePattern::new);
        let mut query = Query { window, group, dimensions: pattern.as_ref(), ..Query::new(Charts::One("k.one")) };
        query.options.percentage = percentage;
        let answer = world.host().query(&query, world.second + 1).unwrap();
        answer.rows().map(|(_, values)| values.iter().collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let near = |found: f64, expected: f64| (found - expected).abs() < 1e-5 * expected.abs();
    for group in [Group::Average, Group::Min, Group::Max, Group::Median, Group::Percentile(95), Group::Ses] {
        for rows in [ask(group, 0, None, false), ask(group, 8, None, false)] {
            assert!(rows.len() >= 8);
            for (dimension, expected) in [average(&of(0)), average(&of(1)), 0.0].into_iter().enumerate() {
                let is_near = |row: &Vec<f64>| near(row[dimension], expected) || row[dimension] == expected;
                assert!(rows.iter().all(is_near), "{group:?} {dimension}: {rows:?}, expected {expected}");
            }
        }
    }
    // Sums of five seconds have a twelfth of what the minute has.
    let expected = of(0).iter().sum::<f64>() / 12.0;
    assert!(ask(Group::Sum, 8, None, false).iter().all(|row| near(row[0], expected)));
    let share = 100.0 * average(&of(1)) / (average(&of(0)) + average(&of(1)));
    assert!(ask(Group::Average, 8, Some("d1"), true).iter().all(|row| row.len() == 1 && near(row[0], share)));
    // The smallest of a period with both signs is the end that is nearer to zero.
    let step_s = 60 * 10;
    let window = WindowRequest {
        after_s: end_s / step_s * step_s - step_s + 1,
        before_s: end_s / step_s * step_s,
        points: 1,
        ..Default::default()
    };
    let query = Query { window, group: Group::Min, ..Query::new(Charts::One("k.one")) };
    let answer = world.host().query(&query, world.second + 1).unwrap();
    let (row_s, values) = answer.rows().next().unwrap();
    let minutes = (0..10).map(|minute| {
        let of_minute = model.range(row_s - 60 * minute - 59..=row_s - 60 * minute);
        let points = || of_minute.clone().filter_map(|(_, row)| row[1]);
        let (least, most) = (points().fold(f64::MAX, f64::min), points().fold(f64::MIN, f64::max));
        least.abs().min(most.abs())
    });
    assert!(near(values.get(1).abs(), minutes.fold(f64::MAX, f64::min)));
}

/// Rows that are cut off by a clock that was set back are taken back from tiers, too; charts whose update
/// every changes keep what tiers have.
#[test]
fn tiers_follow_the_clock_and_survive_another_update_every() {
    let stores = [Store::new(), Store::with_tiers(&tiers(&[(60, 1_000), (300, 1_000)]))];
    let mut feeds: Vec<_> = stores
        .iter()
        .map(|store| store.add(&info(), Keep::new(MemoryMode::Ram, 20_000)).claim(FeedKind::Local, info()))
        .collect();
    let ask = |window: WindowRequest, now_s: i64| -> Vec<Vec<(i64, f64)>> {
        let query = Query { window, ..Query::new(Charts::One("k.one")) };
        let rows = |store: &Store| {
            let answer = store.hosts()[0].query(&query, now_s).unwrap();
            answer.rows().map(|(time_s, values)| (time_s, values.get(0))).collect()
        };
        stores.iter().map(rows).collect()
    };
    let (mut wall_s, mut mono_s, mut random) = (START_S, 1, Random(9));
    let mut write = |wall_s: i64, mono_s: u64, every_s: u32, value: i64| {
        for feed in &mut feeds {
            let now = Now { wall_us: wall_s * 1_000_000, mono_us: mono_s * 1_000_000 };
            let mut writer = feed.writer(now).unwrap();
            let definition = ChartDefinition { id: "k.one", update_every_s: every_s, ..Default::default() };
            let slot = writer.define_chart(&definition).unwrap();
            writer.define_dimension(slot, &DimensionDefinition { id: "d", ..Default::default() }).unwrap();
            writer.begin(slot);
            writer.set(0, value);
            writer.end(crate::Elapsed::Clock);
        }
    };
    for turn in 1..6_000 {
        (wall_s, mono_s) = (wall_s + 1, mono_s + 1);
        if turn % 1_700 == 0 {
            wall_s -= 10 + random.below(1_500);
        }
        write(wall_s, mono_s, 1, random.below(1_000));
        if turn % 100 == 0 && turn > 2_000 {
            let before_s = (wall_s - 10) / 300 * 300;
            let window = WindowRequest { after_s: before_s - 1_499, before_s, points: 5, ..Default::default() };
            let [plain, tiered] = &ask(window, wall_s + 1)[..] else { unreachable!() };
            assert_eq!(plain.len(), tiered.len());
            for ((time_s, plain), (_, tiered)) in plain.iter().zip(tiered) {
                let is_near = (plain - tiered).abs() < 1e-5 * plain.abs() || (plain.is_nan() && tiered.is_nan());
                assert!(is_near, "turn {turn}: {time_s}: {tiered}, expected {plain}");
            }
        }
    }
    let before_s = (wall_s - 10) / 300 * 300;
    let window = WindowRequest { after_s: before_s - 1_499, before_s, points: 5, ..Default::default() };
    let before = ask(window, wall_s + 1).pop().unwrap();
    for _ in 0..200 {
        (wall_s, mono_s) = (wall_s + 5, mono_s + 5);
        write(wall_s, mono_s, 5, 7);
    }
    let after = stores[1].hosts()[0].query(&Query { window, ..Query::new(Charts::One("k.one")) }, wall_s + 1).unwrap();
    for ((time_s, before), (_, values)) in before.iter().zip(after.rows()) {
        assert!((before - values.get(0)).abs() < 1e-5 * before, "{time_s}: {}, expected {before}", values.get(0));
    }
}

/// Files of a tier that settings no longer name stay as they are; a tier that is new is made up from the
/// rows that there are.
#[test]
fn tiers_may_come_and_go() {
    for mode in [MemoryMode::Save, MemoryMode::Map] {
        let mut random = Random(5);
        let mut world = World::new(mode, tiers(&[(60, 1_000)]));
        let files = |world: &World| {
            let names = world.disk.list().unwrap();
            names.into_iter().filter(|name| !name.contains("/charts-")).collect::<Vec<_>>()
        };
        (0..4_000).for_each(|_| world.tick(&mut random, false));
        world.restart();
        world.tiers = tiers(&[(300, 1_000)]);
        world.restart();
        let before = files(&world);
        world.host().read(|view| assert!(view.charts().all(|chart| chart.levels().len() == 2)));
        world.tick(&mut random, false);
        let begin_s = (world.second - 100) / 300 * 300;
        let model = world.models.clone();
        // This chart's rows reach back for more than ten minutes.
        world.compare(2, Group::Average, 300, 1, world.second / 300 * 300, "a new tier");
        (0..4_000).for_each(|_| world.tick(&mut random, false));
        world.restart();
        let after = files(&world);
        assert!(before.iter().any(|name| after.contains(name)), "{mode:?}: {before:?} {after:?}");
        world.tiers = tiers(&[(60, 1_000), (300, 1_000)]);
        world.restart();
        // What the tier has of the time before is still there.
        let before_s = (begin_s - 1_000) / 60 * 60;
        world.models = model;
        world.compare(0, Group::Average, 60, 10, before_s, "a tier that came back");
    }
}

/// Segments of a tier go when its retention ends, and not before; its journal stays short.
#[test]
fn segments_of_tiers_go_when_their_time_is_over() {
    let mut random = Random(11);
    let mut world = World::new(MemoryMode::Map, tiers(&[(300, 100)]));
    let sixty = CHARTS.len() - 1;
    for turn in 0..16_000 {
        world.second = (world.second / 60 + 1) * 60;
        if random.below(15) > 0 {
            world.write(sixty, world.second, &mut random);
        }
        world.flush();
        if turn % 700 == 650 {
            let what = format!("turn {turn}");
            world.compare(sixty, Group::Average, 300, 99, world.second / 300 * 300, &what);
            world.restart();
            world.compare(sixty, Group::Sum, 600, 49, world.second / 600 * 600, &what);
            world.models[sixty] = world.models[sixty].split_off(&(world.second - 60_000));
        }
        if turn % 100 == 0 {
            let names = world.disk.list().unwrap();
            let journals = names.iter().filter(|name| name.contains("/journal-"));
            let lengths: Vec<u64> = journals.map(|name| world.disk.open(name).unwrap().length().unwrap()).collect();
            assert!(lengths.len() == 2 && lengths.iter().all(|length| *length < 16_000), "{turn}: {lengths:?}");
        }
    }
    let segments: Vec<_> = world.disk.list().unwrap().into_iter().filter(|name| name.contains("/segment-")).collect();
    let of_tier = segments.iter().filter(|name| step_of(&world, name) == 300).count();
    // Starts began 23 of them. One is long enough for more than its retention: two or three are left.
    assert!((1..=3).contains(&of_tier) && segments.len() < 12, "{of_tier} of {}", segments.len());
}

/// A tier that is limited in bytes has its newest blocks, on the disk and in memory, also after starts; and
/// what answers say of it is so.
#[test]
fn bytes_limit_a_tier() {
    const LIMIT: u64 = TIER_BYTES_MIN;
    for mode in [MemoryMode::Map, MemoryMode::Save, MemoryMode::Ram] {
        let mut random = Random(13);
        let tier = TierSettings { step_s: 60, rows: TIER_ROWS_MAX, bytes: Some(LIMIT) };
        let mut world = World::new(mode, vec![tier]);
        let sixty = CHARTS.len() - 1;
        for turn in 0..14_000 {
            world.second = (world.second / 60 + 1) * 60;
            world.write(sixty, world.second, &mut random);
            world.flush();
            if turn % 1_000 == 999 && mode != MemoryMode::Ram {
                world.restart();
            }
            if turn % 500 == 499 {
                // Beside what is counted: a segment; in memory some slabs, the rows, and what is open.
                let (held, beside) = match mode {
                    MemoryMode::Map => (lengths(&world, 60), LIMIT / 8),
                    _ => (world.host().bytes() as u64, LIMIT / 2),
                };
                assert!(held < LIMIT + beside, "{mode:?}, turn {turn}: {held} bytes");
            }
        }
        let first_s = world.host().read(|view| {
            let chart = view.charts().next().unwrap();
            chart.levels()[1].after_s + 60
        });
        let rows = (world.second - first_s) / 60 + 1;
        // A value a minute takes less than 16 bytes as a summary, and more than 2.
        assert!((LIMIT as i64 / 16..LIMIT as i64 / 2).contains(&rows), "{mode:?}: {rows} rows");
        world.compare(sixty, Group::Average, 60, rows, world.second, "all that is left");
        world.models[sixty] = world.models[sixty].split_off(&first_s);
        world.compare(sixty, Group::Average, 60, rows + 500, world.second, "what went is empty");
    }
}

/// Bytes of the files of a tier, or of the rows.
fn lengths(world: &World, step_s: u32) -> u64 {
    let names = world.disk.list().unwrap();
    let of_step = names.iter().filter(|name| name.contains("/segment-") && step_of(world, name) == step_s);
    of_step.map(|name| world.disk.open(name).unwrap().length().unwrap()).sum()
}

/// The step in a file's header: behind the head of the record, kind, magic, version, GUID and file.
fn step_of(world: &World, name: &str) -> u32 {
    let mut step = [0; 4];
    world.disk.open(name).unwrap().read_at(8 + 1 + 9 + 2 + 16 + 1, &mut step).unwrap();
    u32::from_le_bytes(step)
}

/// The index of a dimension that left the rows is not another's as long as a tier has values of it.
#[test]
fn an_index_is_kept_as_long_as_a_tier_has_it() {
    let store = Store::with_tiers(&tiers(&[(60, 60)]));
    let host = store.add(&info(), Keep::new(MemoryMode::Ram, 60));
    let mut feed = host.claim(FeedKind::Stored, info());
    let mut life = Life::new(Patience { charts_us: 10_000_000, hosts_us: 1 << 50 });
    let mut indexes = Vec::new();
    for second in 1..60_000_i64 {
        let now = Now { wall_us: (START_S + second) * 1_000_000, mono_us: second as u64 * 1_000_000 };
        let mut writer = feed.writer(now).unwrap();
        let slot =
            writer.define_chart(&ChartDefinition { id: "k.one", update_every_s: 1, ..Default::default() }).unwrap();
        // Every three hours another dimension takes the place of the one before.
        let turn = (second - 1) / 10_800;
        if (second - 1) % 10_800 == 0 {
            if turn > 0 {
                let id = format!("d{}", turn - 1);
                let options = DimensionOptions::OBSOLETE;
                writer.define_dimension(slot, &DimensionDefinition { id: &id, options, ..Default::default() }).unwrap();
            }
            let id = format!("d{turn}");
            indexes
                .push(writer.define_dimension(slot, &DimensionDefinition { id: &id, ..Default::default() }).unwrap());
        }
        let value = Packed::pack(turn as f64 + 1.0, PointFlags::NORMAL);
        writer.begin(slot);
        writer.set_stored(indexes[turn as usize], None, value);
        writer.end_stored(START_S + second, true);
        drop(writer);
        life.step(&store, now);
        if second % 1_000 == 999 {
            let window = WindowRequest { after_s: -14_400, points: 240, ..Default::default() };
            let answer =
                host.query(&Query { window, ..Query::new(Charts::One("k.one")) }, START_S + second + 1).unwrap();
            for (place, column) in answer.columns.iter().enumerate() {
                let own: f64 = column.id[1..].parse::<f64>().unwrap() + 1.0;
                let mut values = answer.rows().map(|(_, values)| values.get(place)).filter(|value| !value.is_nan());
                assert!(values.all(|value| value == own), "{second}: {} has values of another", column.id);
            }
        }
    }
    // A tier of an hour keeps two blocks of an hour, and some are spared for a start.
    assert!(indexes.iter().any(|index| *index > 1), "{indexes:?}");
    assert!(indexes.iter().any(|index| indexes.iter().filter(|other| *other == index).count() > 1), "{indexes:?}");
}

/// Files of a host that nobody feeds stay for as long as its tier in bytes reached back when its last row
/// came, whether it was read since the start or not.
#[test]
fn a_host_stays_as_long_as_it_reached_back() {
    for mode in [MemoryMode::Save, MemoryMode::Map] {
        let mut random = Random(24);
        let bytes = TierSettings { step_s: 60, rows: 1_000_000, bytes: Some(64 * 1_024) };
        let mut world = World::new(mode, vec![bytes]);
        for _ in 0..10_000 {
            world.second = (world.second / 60 + 1) * 60;
            world.write(CHARTS.len() - 1, world.second, &mut random);
            world.flush();
        }
        let mut oldest_s = 0;
        world.host().read(|view| oldest_s = view.charts().map(|chart| chart.oldest_s()).min().unwrap());
        let reach_s = world.second - oldest_s;
        assert!((7_800..9_000 * 60).contains(&reach_s), "{mode:?}: bytes bound nothing, {reach_s}");
        world.feed = None;
        if mode == MemoryMode::Save {
            assert!(world.store.save(&*world.disk, |_| true).is_empty());
        }
        let disk = Arc::clone(&world.disk) as Arc<dyn Disk>;
        let store = Store::with_tiers(&world.tiers);
        store.load(&disk, |keep| keep.on_disk);
        let found = store.host(info().guid).unwrap();
        assert!(found.is_asleep());
        // A segment may begin with blocks that the tier does not have any more.
        let is_near = |told_s: i64| (reach_s - 7_200..reach_s + reach_s / 8 + 7_200).contains(&told_s);
        assert!(is_near(found.retention_s()), "{mode:?}: {} {reach_s}", found.retention_s());
        let (now, host) = (world.now(), world.host());
        let sleeps = match mode {
            MemoryMode::Save => world.store.put_to_sleep(&disk, &host),
            _ => world.keeper.put_to_sleep(&host, now),
        };
        assert!(sleeps.unwrap());
        assert!(is_near(host.retention_s()), "{mode:?}: {} {reach_s}", host.retention_s());
    }
}
