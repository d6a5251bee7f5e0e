//! Goal: a store that kept only the newest rows answers, with an archive for the rest, as one that kept all.
#![allow(clippy::unwrap_used, reason = "test code")]

mod random;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use row::{ChartDefinition, DimensionDefinition, Guid, Now, Packed, PointFlags};
use rrd_store::query::{
    Answer, Archive, Asked, Charts, Elder, Fetched, Grid, Group, Lack, Options, Query, QueryError, What, WindowRequest,
};
use rrd_store::{FeedKind, Host, HostInfo, Keep, MemoryMode, Store, TierSettings};

use random::Random;

const START_S: i64 = 1_795_387_200;
const NOW: Now = Now { wall_us: START_S * 1_000_000, mono_us: 1_000_000_000 };

/// The values of each dimension by second.
type History = Vec<BTreeMap<i64, f64>>;

const DIMENSIONS: [&str; 3] = ["user", "system", "a|b.c"];

/// Two hours with gaps of all lengths, in one dimension or in all.
fn history(random: &mut Random, every_s: i64, end_s: i64) -> History {
    let mut all: History = vec![BTreeMap::new(); DIMENSIONS.len()];
    let mut second = START_S;
    let (mut gap_until_s, mut gap_of) = (0, None);
    while second <= end_s {
        if random.below(150) == 0 {
            gap_until_s = second + random.one_of(&[1, 9, 10, 60, 700]);
            gap_of = Some(random.below(4) as usize).filter(|&of| of < DIMENSIONS.len());
        }
        for (place, points) in all.iter_mut().enumerate() {
            let is_gap = second < gap_until_s && gap_of.is_none_or(|of| of == place);
            if !is_gap {
                let value = (random.below(2_000) as f64 - 500.0) / 10.0;
                // No two have the same magnitude: of those the first counts, and buckets know no order.
                points.insert(second, if value < 0.0 { value + 0.05 } else { value });
            }
        }
        second += every_s;
    }
    all
}

fn filled(history: &History, every_s: i64, from_s: i64) -> Arc<Host> {
    filled_until(history, every_s, from_s, i64::MAX)
}

fn filled_until(history: &History, every_s: i64, from_s: i64, until_s: i64) -> Arc<Host> {
    let info = HostInfo { hostname: "alpha".into(), ..HostInfo::unknown(Guid::from_bytes([7; 16])) };
    let host = Store::new().add(&info, Keep::new(MemoryMode::Ram, 100_000));
    let mut feed = host.claim(FeedKind::Stored, info);
    let mut writer = feed.writer(NOW).unwrap();
    let chart = ChartDefinition { id: "a.chart", update_every_s: every_s as u32, ..Default::default() };
    let slot = writer.define_chart(&chart).unwrap();
    for id in DIMENSIONS {
        writer.define_dimension(slot, &DimensionDefinition { id, ..Default::default() }).unwrap();
    }
    let last_s = history.iter().filter_map(|points| points.keys().next_back()).max().copied().unwrap();
    for second in (from_s..=last_s.min(until_s)).filter(|second| second % every_s == 0) {
        writer.begin(slot);
        for (index, points) in history.iter().enumerate() {
            if let Some(&value) = points.get(&second) {
                writer.set_stored(index as u32, None, Packed::pack(value, PointFlags::NORMAL));
            }
        }
        writer.end_stored(second, true);
    }
    drop(writer);
    host
}

/// An archive of all of a history, in means of `step_s` seconds.
#[derive(Debug)]
struct All<'a> {
    history: &'a History,
    step_s: i64,
    end_s: i64,
    lack: Option<Lack>,
    asked: RefCell<Vec<(i64, i64, i64)>>,
}

impl All<'_> {
    /// What it has of the seconds after one up to another, point by point.
    fn points(&self, dimension: usize, after_s: i64, before_s: i64) -> Vec<f64> {
        let slots = (after_s..before_s).step_by(self.step_s as usize);
        let mean = |from_s: i64| {
            let values: Vec<f64> =
                self.history[dimension].range(from_s + 1..=from_s + self.step_s).map(|(_, v)| *v).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        slots.map(mean).filter(|value| !value.is_nan()).collect()
    }
}

impl Archive for All<'_> {
    fn step_s(&self, every_s: i64) -> i64 {
        self.step_s.max(every_s)
    }

    fn end_s(&self) -> i64 {
        self.end_s
    }

    fn fetch(&self, asked: &Asked<'_>) -> Fetched {
        assert_eq!((asked.chart, asked.dimensions), ("a.chart", 3));
        assert!(asked.step_s % self.step_s == 0 && asked.before_s > asked.after_s, "{asked:?}");
        assert_eq!((asked.after_s % self.step_s, (asked.before_s - asked.after_s) % asked.step_s), (0, 0), "{asked:?}");
        self.asked.borrow_mut().push((asked.after_s, asked.before_s, asked.step_s));
        if self.lack == Some(Lack::Unavailable) {
            return Fetched { series: Vec::new(), lack: self.lack };
        }
        let value = |dimension: usize, from_s: i64| {
            let points = self.points(dimension, from_s, from_s + asked.step_s);
            let fold = |f: fn(f64, f64) -> f64| points.iter().copied().reduce(f).unwrap_or(f64::NAN);
            match asked.what {
                What::Average => points.iter().sum::<f64>() / points.len() as f64,
                What::Sum if points.is_empty() => f64::NAN,
                What::Sum => points.iter().sum(),
                What::Least => fold(f64::min),
                What::Most => fold(f64::max),
            }
        };
        let rows = || (asked.after_s..asked.before_s).step_by(asked.step_s as usize);
        let of = |dimension: usize| rows().map(|from_s| value(dimension, from_s)).collect();
        // What it has of other dimensions is passed over.
        let others = ["unknown"].map(|id| (id.into(), rows().map(|_| 1.0).collect()));
        let series =
            (0..DIMENSIONS.len()).rev().map(|place| (DIMENSIONS[place].into(), of(place))).chain(others).collect();
        Fetched { series, lack: self.lack }
    }
}

fn compare(whole: &Answer, stitched: &Answer, told: &dyn Fn() -> String) {
    assert_eq!(whole.window, stitched.window, "{}", told());
    assert_eq!(whole.columns.len(), stitched.columns.len(), "{}", told());
    for ((second, expected), (_, found)) in whole.rows().zip(stitched.rows()) {
        for (expected, found) in expected.iter().zip(found.iter()) {
            let near = (expected - found).abs() <= 1e-6 * expected.abs().max(1.0);
            assert!(near || (expected.is_nan() && found.is_nan()), "{second}: {expected} {found}; {}", told());
        }
    }
}

const GROUPS: [Group; 10] = [
    Group::Average,
    Group::Sum,
    Group::Min,
    Group::Max,
    Group::Median,
    Group::Stddev,
    Group::IncrementalSum,
    Group::Ses,
    Group::CountIf,
    Group::Percentile(95),
];

/// Where the archive has every second, any question has the same answer, wherever the rows here begin.
#[test]
fn an_archive_of_seconds_leaves_no_trace() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let every_s = random.one_of(&[1, 1, 1, 5]);
        let end_s = START_S + 7_200;
        let history = history(&mut random, every_s, end_s);
        let whole = filled(&history, every_s, START_S);
        let cut_s = START_S + random.below(7_000) as i64;
        // Some hosts went elsewhere meanwhile.
        let until_s = if seed % 3 == 0 { cut_s + 10 + random.below(2_000) as i64 } else { end_s };
        let local = filled_until(&history, every_s, cut_s, until_s);
        let archive_end_s = if until_s < end_s { end_s } else { end_s - 60 };
        let archive =
            All { history: &history, step_s: every_s, end_s: archive_end_s, lack: None, asked: RefCell::default() };
        for _ in 0..4 {
            let before_s = START_S + 10 + random.below(7_400) as i64;
            let group = random.one_of(&GROUPS);
            let grid = random.one_of(&[Grid::ByRequest, Grid::Natural, Grid::Virtual]);
            let after_s = before_s - 5 - random.below(5_000) as i64;
            let window = WindowRequest {
                after_s: after_s.max(START_S),
                before_s,
                points: random.one_of(&[0, 1, 7, 40, 300]),
                gtime_s: random.one_of(&[0, 0, 0, 60]),
                unaligned: random.below(2) == 0,
                grid,
            };
            let options = Options { percentage: random.below(6) == 0, ..Options::default() };
            let asked = Query { window, group, options, ..Query::new(Charts::One("a.chart")) };
            let stitched = Query { archive: Elder::Asked(&archive), ..asked };
            let now_s = end_s + 1;
            let (Ok(expected), Ok(found)) = (whole.query(&asked, now_s), local.query(&stitched, now_s)) else {
                panic!("seed {seed}: {asked:?}");
            };
            // The least magnitude of a bucket is only known where all have one sign.
            if group == Group::Min && found.window.group > 1 {
                continue;
            }
            assert_eq!(found.missing, None);
            compare(&expected, &found, &|| {
                format!("seed {seed}, cut at {cut_s}: {asked:?}; {:?}", archive.asked.borrow())
            });
        }
    }
}

/// Where the archive has averages of ten seconds, rows of whole tens have the averages and sums that they would have.
#[test]
fn an_archive_of_tens_keeps_averages() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let end_s = START_S + 7_200;
        let history = vec![(START_S..=end_s).map(|s| (s, (random.below(999) as f64) / 10.0)).collect(); 3];
        let whole = filled(&history, 1, START_S + 1);
        let cut_s = START_S + 1 + random.below(7_000) as i64;
        let local = filled(&history, 1, cut_s);
        let archive = All { history: &history, step_s: 10, end_s: end_s - 60, lack: None, asked: RefCell::default() };
        let step_s = random.one_of(&[10, 30, 60, 600]);
        let points = 1 + random.below(10) as i64;
        let before_s =
            START_S + (points + random.below(((7_140 - points * step_s).max(0) / step_s + 1) as u64) as i64) * step_s;
        let before_s = before_s.min(START_S + 7_080 / step_s * step_s).max(START_S + points * step_s);
        let window = WindowRequest { after_s: before_s - points * step_s + 1, before_s, points, ..Default::default() };
        let group = random.one_of(&[Group::Average, Group::Sum]);
        let asked = Query { window, group, ..Query::new(Charts::One("a.chart")) };
        let expected = whole.query(&asked, end_s + 1).unwrap();
        let found = local.query(&Query { archive: Elder::Asked(&archive), ..asked }, end_s + 1).unwrap();
        compare(&expected, &found, &|| format!("seed {seed}, cut at {cut_s}: {asked:?}; {:?}", archive.asked.borrow()));
        let of_buckets = archive.asked.borrow().iter().any(|(_, _, of_s)| *of_s == step_s && step_s > 10);
        assert!(of_buckets || step_s == 10 || cut_s <= before_s - (points - 1) * step_s, "seed {seed}");
    }
}

/// Tiers answer for long rows, the archive for short ones; and none of it is asked for what is here.
#[test]
fn the_finest_that_is_there_answers() {
    let tiers = [TierSettings { step_s: 60, rows: 10_000, bytes: None }];
    let end_s = START_S + 7_200;
    let history: History = vec![(START_S..=end_s).map(|s| (s, (s % 100) as f64)).collect(); 3];
    let whole = filled(&history, 1, START_S);
    let info = HostInfo { hostname: "alpha".into(), ..HostInfo::unknown(Guid::from_bytes([7; 16])) };
    let store = Store::with_tiers(&tiers);
    let local = store.add(&info, Keep::new(MemoryMode::Ram, 600));
    let mut feed = local.claim(FeedKind::Stored, info);
    let mut writer = feed.writer(NOW).unwrap();
    let slot =
        writer.define_chart(&ChartDefinition { id: "a.chart", update_every_s: 1, ..Default::default() }).unwrap();
    for id in DIMENSIONS {
        writer.define_dimension(slot, &DimensionDefinition { id, ..Default::default() }).unwrap();
    }
    for second in START_S..=end_s {
        writer.begin(slot);
        (0..3)
            .for_each(|index| writer.set_stored(index, None, Packed::pack((second % 100) as f64, PointFlags::NORMAL)));
        writer.end_stored(second, true);
    }
    drop(writer);
    let archive = All { history: &history, step_s: 1, end_s: end_s - 60, lack: None, asked: RefCell::default() };
    let ask = |points: i64, after_s: i64, before_s: i64| {
        archive.asked.borrow_mut().clear();
        let window = WindowRequest { after_s, before_s, points, ..Default::default() };
        let asked = Query { window, ..Query::new(Charts::One("a.chart")) };
        let expected = whole.query(&asked, end_s + 1).unwrap();
        let found = local.query(&Query { archive: Elder::Asked(&archive), ..asked }, end_s + 1).unwrap();
        compare(&expected, &found, &|| format!("{points} {:?}", archive.asked.borrow()));
        archive.asked.borrow().len()
    };
    assert_eq!(ask(600, START_S + 1_001, START_S + 1_600), 1, "seconds are in the archive alone");
    assert_eq!(ask(10, START_S + 1_201, START_S + 1_800), 0, "minutes are here");
    assert_eq!(ask(300, end_s - 299, end_s), 0, "all is here");
    let mut elsewhere = Query { archive: Elder::Elsewhere(&archive), ..Query::new(Charts::One("a.chart")) };
    elsewhere.window =
        WindowRequest { after_s: START_S + 1_001, before_s: START_S + 1_600, points: 600, ..Default::default() };
    assert_eq!(local.query(&elsewhere, end_s + 1).unwrap_err(), QueryError::Waits);
    elsewhere.window = WindowRequest { after_s: -300, ..Default::default() };
    assert!(local.query(&elsewhere, end_s + 1).is_ok());
}

/// What the archive does not give is told with its seconds, and what is here is shown.
#[test]
fn what_is_missing_is_told() {
    let end_s = START_S + 7_200;
    let history: History = vec![(START_S..=end_s).map(|s| (s, 1.0)).collect(); 3];
    let cut_s = START_S + 3_600;
    let local = filled(&history, 1, cut_s + 1);
    for lack in [Lack::Partial, Lack::Unavailable] {
        let archive =
            All { history: &history, step_s: 1, end_s: end_s - 60, lack: Some(lack), asked: RefCell::default() };
        let window = WindowRequest { after_s: START_S + 1, before_s: end_s - 100, points: 0, ..Default::default() };
        let asked = Query { window, archive: Elder::Asked(&archive), ..Query::new(Charts::One("a.chart")) };
        let found = local.query(&asked, end_s + 1).unwrap();
        let missing = found.missing.unwrap();
        assert_eq!((missing.lack, missing.after_s, missing.before_s), (lack, START_S, cut_s));
        let empty = found.rows().filter(|(_, values)| values.get(0).is_nan()).count();
        assert_eq!(empty, if lack == Lack::Partial { 0 } else { 3_600 });
    }
}

/// A chart that has no row here at all is the archive's, up to what that has for sure.
#[test]
fn a_chart_without_rows_is_shown() {
    let end_s = START_S + 7_200;
    let history: History = vec![(START_S..=end_s).map(|s| (s, (s % 7) as f64)).collect(); 3];
    let bare = filled(&history, 1, i64::MAX);
    let archive = All { history: &history, step_s: 1, end_s: end_s - 60, lack: None, asked: RefCell::default() };
    let window = WindowRequest { after_s: -600, ..Default::default() };
    let asked = Query { window, ..Query::new(Charts::One("a.chart")) };
    assert!(bare.query(&asked, end_s + 1).is_err());
    let found = bare.query(&Query { archive: Elder::Asked(&archive), ..asked }, end_s + 1).unwrap();
    assert_eq!((found.window.before_s, found.window.points), (end_s - 60, 600));
    assert!(found.rows().all(|(second, values)| values.get(0) == (second % 7) as f64));
}
