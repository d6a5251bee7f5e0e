//! Standing queries beside plain ones: whatever becomes of a chart, both say the same, to the last bit.
#![allow(clippy::unwrap_used, reason = "test code")]

mod random;

use std::sync::Arc;

use patterns::SimplePattern;
use row::{ChartDefinition, ChartSlot, DimensionDefinition, DimensionOptions, Guid, Now, Packed, PointFlags};
use rrd_store::query::{AskId, Charts, Desk, Due, Found, Group, MatchBy, Options, Query, Standing, WindowRequest};
use rrd_store::{
    Disk, Elapsed, Feed, FeedKind, Host, HostInfo, Keep, Keeper, Life, MemoryMode, Patience, RealDisk, Store,
    TierSettings,
};

use random::Random;

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

const START_S: i64 = 1_795_387_200;
const CHARTS: [&str; 2] = ["test.one", "test.two"];

/// A question, owned.
#[derive(Debug)]
struct Question {
    chart: &'static str,
    dimensions: Option<SimplePattern>,
    window: WindowRequest,
    group: Group,
    argument: &'static str,
    options: Options,
}

impl Question {
    fn random(random: &mut Random) -> Self {
        let (group, argument) = random.one_of(&[
            (Group::Average, ""),
            (Group::Average, ""),
            (Group::Sum, ""),
            (Group::Min, ""),
            (Group::Max, ""),
            (Group::Stddev, ""),
            (Group::Cv, ""),
            (Group::IncrementalSum, ""),
            (Group::CountIf, ">10"),
            (Group::CountIf, "<0"),
            (Group::Median, ""),
            (Group::Ses, ""),
            (Group::Des, ""),
            (Group::Percentile(95), ""),
            (Group::TrimmedMean(5), ""),
        ]);
        let pattern = random.one_of(&[None, None, Some("a"), Some("b c"), Some("h*"), Some("nobody"), Some("!a *")]);
        let mut flag = || random.below(4) == 0;
        let options = Options { absolute: flag(), percentage: flag(), null2zero: flag() };
        let window = WindowRequest {
            after_s: -random.one_of(&[1, 10, 60, 119, 180, 600, 600, 1_800, 3_600, 3_600]),
            before_s: -random.one_of(&[0, 0, 0, 10, 300]),
            points: 1,
            unaligned: random.below(3) > 0,
            ..WindowRequest::default()
        };
        let dimensions = pattern.map(SimplePattern::new);
        Self { chart: random.one_of(&CHARTS), dimensions, window, group, argument, options }
    }

    fn query(&self) -> Query<'_> {
        Query {
            dimensions: self.dimensions.as_ref(),
            match_by: MatchBy::IdOrName,
            window: self.window,
            group: self.group,
            group_options: self.argument,
            options: self.options,
            exact: true,
            ..Query::new(Charts::One(self.chart))
        }
    }
}

/// A host whose charts have a hard life.
struct World {
    random: Random,
    store: Store,
    host: Arc<Host>,
    feed: Feed,
    keeper: Option<Keeper>,
    life: Life,
    every_s: i64,
    now: Now,
    standing: Standing,
    desk: Desk,
    seen: Option<u64>,
    asks: Vec<Option<AskId>>,
    stood: usize,
}

impl World {
    fn new(seed: u64, folder: &std::path::Path) -> Self {
        let mut random = Random(seed);
        let tier = |step_s, rows| TierSettings { step_s, rows, bytes: None };
        let store = match random.below(3) {
            0 => Store::with_tiers(&[tier(60, 10_000), tier(600, 1_000)]),
            _ => Store::new(),
        };
        let is_kept = random.below(3) == 0;
        let disk = Arc::new(RealDisk::new(&folder.join(seed.to_string()))) as Arc<dyn Disk>;
        let keeper = is_kept.then(|| Keeper::new(disk, 20_000, |keep| keep.on_disk));
        let info = HostInfo { hops: 1, ..HostInfo::unknown(Guid::from_bytes([seed as u8; 16])) };
        let mode = if is_kept { MemoryMode::Map } else { MemoryMode::Ram };
        let host = store.add(&info, Keep::new(mode, random.one_of(&[300, 3_600, 4_000])));
        let feed = host.claim(FeedKind::Stored, info);
        let now = Now { wall_us: START_S * 1_000_000, mono_us: 1_000_000_000 };
        let patience = Patience { charts_us: 600_000_000, hosts_us: 86_400_000_000 };
        let mut world = Self {
            every_s: random.one_of(&[1, 1, 1, 2, 10]),
            random,
            store,
            host,
            feed,
            keeper,
            life: Life::new(patience),
            now,
            standing: Standing::default(),
            desk: Desk::default(),
            seen: None,
            asks: Vec::new(),
            stood: 0,
        };
        for chart in CHARTS {
            world.define(chart, &["a", "b", "hidden"]);
        }
        world
    }

    fn define(&mut self, id: &str, dimensions: &[&str]) -> ChartSlot {
        let mut writer = self.feed.writer(self.now).unwrap();
        let chart = ChartDefinition { id, update_every_s: self.every_s as u32, ..Default::default() };
        let slot = writer.define_chart(&chart).unwrap();
        for id in dimensions {
            let options = if id.starts_with('h') { DimensionOptions::HIDDEN } else { DimensionOptions::default() };
            writer.define_dimension(slot, &DimensionDefinition { id, options, ..Default::default() }).unwrap();
        }
        slot
    }

    fn second(&self) -> i64 {
        self.now.wall_s().div_euclid(self.every_s) * self.every_s
    }

    /// A row of any values, some of them missing.
    fn row(&mut self, chart: &str, second: i64, live: bool) {
        let Some(slot) = self.host.read(|view| view.find_chart(chart).map(|chart| chart.slot())) else { return };
        let mut writer = self.feed.writer(self.now).unwrap();
        writer.begin(slot);
        for dimension in 0..6 {
            let value = match self.random.below(12) {
                0 => continue,
                1..=3 => 0.0,
                4 => self.random.below(1 << 40) as f64,
                _ => (self.random.below(4_000) as f64 - 1_000.0) / 7.0,
            };
            writer.set_stored(dimension, None, Packed::pack(value, PointFlags::NORMAL));
        }
        writer.end_stored(second, live);
    }

    fn pass(&mut self, seconds: i64, with_rows: bool) {
        for _ in 0..seconds / self.every_s {
            self.now.wall_us += self.every_s * 1_000_000;
            self.now.mono_us += self.every_s as u64 * 1_000_000;
            if with_rows {
                CHARTS.iter().for_each(|chart| self.row(chart, self.second(), true));
            }
        }
    }

    /// Something happens.
    fn happen(&mut self) {
        let chart = self.random.one_of(&CHARTS);
        match self.random.below(18) {
            0 => {
                let seconds = self.random.one_of(&[100, 700, 5_000]);
                self.pass(seconds, false);
            }
            1 | 2 => {
                // A part of history comes late.
                let end = self.second() - self.random.below(2_000) as i64 / self.every_s * self.every_s;
                for number in 0..self.random.below(150) as i64 {
                    self.row(chart, end - (149 - number) * self.every_s, false);
                }
            }
            3 => {
                let id = self.random.one_of(&["c", "d", "hidden2", "a", "b"]);
                self.define(chart, &[id]);
            }
            4 => self.change(chart, DimensionOptions::HIDDEN),
            5 => self.change(chart, DimensionOptions::OBSOLETE),
            6 => {
                self.define(chart, &["a", "b", "c"]);
            }
            7 => self.set_clock_back(chart),
            8 => {
                for _ in 0..4 {
                    self.life.step(&self.store, self.now);
                    self.pass(self.every_s * 90, true);
                }
            }
            9 | 10 => {
                if let Some(keeper) = &mut self.keeper {
                    assert!(keeper.flush(&self.store, self.now).is_empty());
                }
            }
            11 => {
                self.row(chart, self.second() - 7 * self.every_s, false);
            }
            12 => {
                let seconds = 1_000 + self.random.below(3_000) as i64;
                self.pass(seconds, true);
            }
            _ => self.pass(10, true),
        }
    }

    fn change(&mut self, chart: &str, options: DimensionOptions) {
        let Some(slot) = self.host.read(|view| view.find_chart(chart).map(|chart| chart.slot())) else { return };
        let id = self.random.one_of(&["a", "b"]);
        let mut writer = self.feed.writer(self.now).unwrap();
        writer.define_dimension(slot, &DimensionDefinition { id, options, ..Default::default() }).unwrap();
    }

    /// The clock is set back: what was collected later is forgotten.
    fn set_clock_back(&mut self, chart: &str) {
        self.now.wall_us -= self.random.one_of(&[5, 200, 2_000]) * 1_000_000;
        let Some(slot) = self.host.read(|view| view.find_chart(chart).map(|chart| chart.slot())) else { return };
        for _ in 0..3 {
            self.now.wall_us += self.every_s * 1_000_000;
            self.now.mono_us += self.every_s as u64 * 1_000_000;
            let mut writer = self.feed.writer(self.now).unwrap();
            writer.begin(slot);
            writer.set(0, 5);
            writer.end(Elapsed::Clock);
        }
    }

    /// Asks all questions, standing and plain.
    fn compare(&mut self, questions: &[Question], what: &str) {
        let changes = self.host.read(|view| view.changes());
        if self.seen.replace(changes) != Some(changes) {
            let queries: Vec<_> = questions.iter().map(Question::query).collect();
            self.asks = self.standing.renew(&self.host, &queries);
        }
        let now_s = self.now.wall_s();
        let due = |random: &mut Random, (by, ask): (usize, &Option<AskId>)| {
            ask.filter(|_| random.below(3) > 0).map(|ask| Due { ask, by })
        };
        let random = &mut self.random;
        let mut due: Vec<_> = self.asks.iter().enumerate().filter_map(|asked| due(random, asked)).collect();
        let (host, stood) = (&self.host, &mut self.stood);
        self.standing.answer(host, now_s, &mut due, &mut self.desk, |by, found| {
            let plain = host.query(&questions[by].query(), now_s);
            match found {
                Found::AskPlain => return,
                Found::Nothing => assert!(plain.is_err(), "{what}: {:?}", questions[by]),
                Found::Row(window, values) => {
                    let plain = plain.unwrap_or_else(|_| panic!("{what}: {:?} {window:?}", questions[by]));
                    let expected: Vec<f64> = plain.values().iter().collect();
                    let is_same = |one: &f64, other: &f64| one == other || (one.is_nan() && other.is_nan());
                    let are_same = expected.len() == values.len()
                        && expected.iter().zip(values).all(|(one, other)| is_same(one, other));
                    assert_eq!(*window, plain.window, "{what}: {:?}", questions[by]);
                    assert!(are_same, "{what}: {:?} {window:?} {expected:?} {values:?}", questions[by]);
                }
            }
            *stood += 1;
        });
    }
}

/// Whatever happens to a chart: rows that come, come late or not at all, a clock that is set back,
/// dimensions that come, hide and go, blocks that move to the disk.
#[test]
fn standing_queries_answer_like_plain_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut stood = 0;
    for seed in 1..=40 {
        let mut world = World::new(seed, folder.path());
        let questions: Vec<_> = (0..24).map(|_| Question::random(&mut world.random)).collect();
        let seconds = world.random.one_of(&[0, 200, 4_000]);
        world.pass(seconds, true);
        for step in 0..120 {
            world.compare(&questions, &format!("seed {seed}, step {step}"));
            world.happen();
        }
        stood += world.stood;
    }
    assert!(stood > 25_000, "{stood}");
}

/// Once blocks are remembered, an answer allocates nothing; and what is remembered of one chart is
/// bounded, however many dimensions it has.
#[test]
fn answers_allocate_nothing_and_memory_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let is_simple =
        |world: &World| world.every_s == 1 && world.keeper.is_none() && world.host.keep().history_rows >= 3_600;
    let mut world = (1..).map(|seed| World::new(seed, folder.path())).find(is_simple).unwrap();
    world.pass(4_000, true);
    let asked = [(600, Group::Average), (3_600, Group::Max), (60, Group::Sum)].map(|(length_s, group)| Question {
        chart: "test.one",
        dimensions: None,
        window: WindowRequest { after_s: -length_s, points: 1, unaligned: true, ..WindowRequest::default() },
        group,
        argument: "",
        options: Options::default(),
    });
    let queries: Vec<_> = asked.iter().map(Question::query).collect();
    let asks = world.standing.renew(&world.host, &queries);
    let mut due: Vec<_> = asks.iter().enumerate().map(|(by, ask)| Due { ask: ask.unwrap(), by }).collect();
    let mut answer = |world: &mut World| {
        let before = cost::allocations();
        let mut rows = 0;
        world.standing.answer(&world.host, world.now.wall_s(), &mut due, &mut world.desk, |_, found| {
            rows += usize::from(matches!(found, Found::Row(..)));
        });
        (rows, cost::allocations() - before)
    };
    for step in 0..60 {
        world.pass(10, true);
        let (rows, allocations) = answer(&mut world);
        assert!(rows == 3 && (allocations == 0 || step < 20), "step {step}: {rows} {allocations}");
    }
    let bytes = world.standing.bytes();
    assert!((1_000..12_000).contains(&bytes), "{bytes}");

    let names: Vec<String> = (0..1_000).map(|number| format!("many{number}")).collect();
    world.define("test.one", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let asks = world.standing.renew(&world.host, &queries);
    let mut due: Vec<_> = asks.iter().enumerate().map(|(by, ask)| Due { ask: ask.unwrap(), by }).collect();
    let mut plain = Vec::new();
    world.standing.answer(&world.host, world.now.wall_s(), &mut due, &mut world.desk, |by, found| {
        plain.extend(matches!(found, Found::AskPlain).then_some(by));
    });
    assert_eq!(plain, [1], "an hour of a thousand dimensions is too much to remember");
    assert!(world.standing.bytes() < 1_000_000, "{}", world.standing.bytes());
}
