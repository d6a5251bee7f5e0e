//! The store as its users see it: feeds, rows, taps and queries of one host.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patterns::SimplePattern;
use row::{
    Algorithm, ChartDefinition, ChartSlot, DimensionDefinition, DimensionOptions, Guid, Now, Packed, PointFlags, Row,
};
use rrd_store::query::{Charts, Group, Query, WindowRequest};
use rrd_store::{ChartView, Elapsed, Feed, FeedKind, Host, HostInfo, HostView, Keep, MemoryMode, Store, Tap};

const START_S: i64 = 1_795_387_000;

fn info(guid: u8, name: &str) -> HostInfo {
    HostInfo { hostname: name.into(), hops: 1, ..HostInfo::unknown(Guid::from_bytes([guid; 16])) }
}

fn at(second: i64) -> Now {
    Now { wall_us: second * 1_000_000, mono_us: (second - START_S + 1_000_000) as u64 * 1_000_000 }
}

fn host(history_rows: u32) -> (Arc<Host>, Feed) {
    let store = Store::new();
    let host = store.add(&info(1, "alpha"), Keep::new(MemoryMode::Ram, history_rows));
    let feed = host.claim(FeedKind::Local, info(1, "alpha"));
    (host, feed)
}

fn define(feed: &mut Feed, dimensions: &[(&str, Algorithm)]) -> ChartSlot {
    let mut writer = feed.writer(at(START_S)).unwrap();
    let chart = ChartDefinition { id: "test.chart", update_every_s: 1, ..Default::default() };
    let slot = writer.define_chart(&chart).unwrap();
    for (id, algorithm) in dimensions {
        writer
            .define_dimension(slot, &DimensionDefinition { id, algorithm: *algorithm, ..Default::default() })
            .unwrap();
    }
    slot
}

fn store(feed: &mut Feed, slot: ChartSlot, second: i64, values: &[Option<f64>]) -> bool {
    let mut writer = feed.writer(at(START_S)).unwrap();
    writer.begin(slot);
    for (index, value) in values.iter().enumerate() {
        if let Some(value) = value {
            writer.set_stored(index as u32, Some(*value as i64), Packed::pack(*value, PointFlags::NORMAL));
        }
    }
    writer.end_stored(second, true)
}

fn rows(host: &Host, after_s: i64, before_s: i64) -> Vec<(i64, Vec<Option<f64>>)> {
    let query = Query {
        window: WindowRequest { after_s, before_s, ..Default::default() },
        ..Query::new(Charts::One("test.chart"))
    };
    let Ok(answer) = host.query(&query, before_s + 10) else { return Vec::new() };
    answer.rows().map(|(time, row)| (time, row.iter().map(|v| Some(v).filter(|v| !v.is_nan())).collect())).collect()
}

/// Whatever is written, in order or late, over gaps and seals, reads back from a plain map.
#[test]
fn rows_read_back_as_a_plain_map_says() {
    for seed in 1..40_u64 {
        let (host, mut feed) = host(300);
        let slot = define(&mut feed, &[("a", Algorithm::Absolute), ("b", Algorithm::Absolute)]);
        let mut model = std::collections::BTreeMap::<i64, [Option<f64>; 2]>::new();
        let (mut random, mut newest) = (seed, START_S);
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for _ in 0..1_500 {
            let second = match next(20) {
                0 => newest - next(200) as i64,
                1 => newest + next(150) as i64,
                _ => newest + 1,
            };
            let values = [Some(next(5) as f64), (next(3) > 0).then(|| next(1_000) as f64 / 8.0)];
            store(&mut feed, slot, second, &values);
            let place = model.entry(second).or_default();
            for (place, value) in place.iter_mut().zip(values) {
                *place = place.or(value);
            }
            newest = newest.max(second);
        }
        let found: std::collections::BTreeMap<_, _> = rows(&host, newest - 290, newest).into_iter().collect();
        for second in newest - 290..=newest {
            let expected = model.get(&second).copied().unwrap_or_default().to_vec();
            let found = found.get(&second).cloned().unwrap_or_else(|| vec![None, None]);
            assert_eq!(found, expected, "seed {seed}, {second}, newest {newest}");
        }
    }
}

#[test]
fn history_bounds_what_is_kept() {
    let (host, mut feed) = host(120);
    let slot = define(&mut feed, &[("a", Algorithm::Absolute)]);
    let mut bytes = 0;
    for second in 0..20_000 {
        store(&mut feed, slot, START_S + second, &[Some(second as f64)]);
        if second == 2_000 {
            bytes = host.bytes();
        }
    }
    let kept = host.read(|view| view.find_chart("test.chart").map(|chart| (chart.first_s(), chart.last_s()))).unwrap();
    assert_eq!(kept.1, START_S + 19_999);
    assert!((120..=220).contains(&(kept.1 - kept.0)), "{kept:?}");
    assert!(host.bytes() <= bytes + 4_096, "{} {bytes}", host.bytes());
}

/// A row that is written twice, or long after, changes nothing.
#[test]
fn rows_are_idempotent() {
    let (host, mut feed) = host(100);
    let slot = define(&mut feed, &[("a", Algorithm::Absolute)]);
    assert!(store(&mut feed, slot, START_S, &[Some(1.0)]));
    assert!(!store(&mut feed, slot, START_S, &[Some(2.0)]));
    assert!(store(&mut feed, slot, START_S + 90, &[Some(3.0)]));
    assert!(!store(&mut feed, slot, START_S - 50, &[Some(4.0)]), "older than the history");
    assert_eq!(rows(&host, START_S, START_S)[0].1, [Some(1.0)]);
    assert!(!store(&mut feed, slot, i64::MAX, &[Some(5.0)]));
    assert!(!store(&mut feed, slot, i64::MIN, &[Some(5.0)]));
    assert_eq!(host.figures().rows_ignored.get(), 4);
}

#[test]
fn a_feed_that_was_replaced_commits_nothing() {
    let (host, mut old) = host(100);
    assert!(host.is_fed());
    let mut new = host.claim(FeedKind::Collected, info(1, "alpha-2"));
    assert!(old.writer(at(START_S)).is_none());
    assert!(new.writer(at(START_S)).is_some());
    drop(old);
    assert!(host.is_fed(), "the old feed's end does not end the new one");
    drop(new);
    assert!(!host.is_fed());
    assert_eq!(host.info().hostname, "alpha-2");
}

#[test]
fn definitions_have_limits() {
    let (_host, mut feed) = host(10);
    let mut writer = feed.writer(at(START_S)).unwrap();
    let long = "x".repeat(2_000);
    for id in ["", "nodot", ".x", "x.", &format!("a.{long}")] {
        assert!(writer.define_chart(&ChartDefinition { id, ..Default::default() }).is_err(), "{id}");
    }
    let slot = writer.define_chart(&ChartDefinition { id: "a.b", ..Default::default() }).unwrap();
    assert!(writer.define_dimension(slot, &DimensionDefinition { id: "", ..Default::default() }).is_err());
    assert!(writer.define_dimension(ChartSlot(7), &DimensionDefinition { id: "x", ..Default::default() }).is_err());
    assert!(!writer.begin(ChartSlot(7)));
    writer.set(3, 1);
    writer.end(Elapsed::Clock);
}

#[derive(Default)]
struct Recorder {
    definitions: Vec<(String, usize)>,
    rows: Vec<(Option<i64>, Option<u64>, Vec<i64>)>,
    wakes: Arc<AtomicUsize>,
}

impl Tap for Recorder {
    fn host(&mut self, _: &HostView<'_>) {}
    fn definition(&mut self, chart: &ChartView<'_>, _: Now) {
        self.definitions.push((chart.id().into(), chart.dimensions().len()));
    }
    fn row(&mut self, row: &Row<'_>) {
        self.rows.push((row.time_s, row.elapsed_us, row.samples.iter().map(|s| s.collected).collect()));
    }
    fn wake(&mut self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Taps see each definition once before its first row, each row, and one wake per writer.
#[test]
fn taps_are_shown_what_is_written() {
    let (host, mut feed) = host(100);
    let wakes = Arc::new(AtomicUsize::new(0));
    let tap = host.attach(|_| Recorder { wakes: Arc::clone(&wakes), ..Default::default() });
    let slot = define(&mut feed, &[("a", Algorithm::Incremental)]);
    for second in 1..4 {
        let mut writer =
            feed.writer(Now { wall_us: at(START_S + second).wall_us + 250_000, ..at(START_S + second) }).unwrap();
        writer.begin(slot);
        writer.set(0, second * 10);
        writer.end(Elapsed::Clock);
    }
    host.with_tap(tap, |recorder: &mut Recorder, _| {
        assert_eq!(recorder.definitions, [("test.chart".into(), 1)]);
        let expected = [
            (None, Some(0), vec![10]),
            (Some(START_S + 2), Some(1_000_000), vec![20]),
            (Some(START_S + 3), Some(1_000_000), vec![30]),
        ];
        assert_eq!(recorder.rows, expected);
    })
    .unwrap();
    assert_eq!(wakes.load(Ordering::Relaxed), 4);
    feed.writer(at(START_S + 4)).unwrap().set_chart_obsolete(slot);
    host.with_tap(tap, |recorder: &mut Recorder, _| assert_eq!(recorder.definitions.len(), 2)).unwrap();
    host.detach(tap);
    assert!(host.with_tap(tap, |_: &mut Recorder, _| ()).is_none());
}

/// A clock that is set, forwards or back, makes no false rates and hides no later rows.
#[test]
fn a_jumping_clock_leaves_a_gap_at_most() {
    let (host, mut feed) = host(10_000);
    let slot = define(&mut feed, &[("a", Algorithm::Incremental)]);
    let (mut wall_us, mut mono_us, mut counter) = (START_S * 1_000_000 + 300_000, 5_000_000, 0);
    for tick in 0..400 {
        match tick {
            100 => wall_us += 3_600_000_000,
            200 => wall_us -= 3_600_000_000,
            300 => wall_us -= 7_200_000_000,
            _ => {}
        }
        wall_us += 1_000_000;
        mono_us += 1_000_000;
        counter += 50;
        let mut writer = feed.writer(Now { wall_us, mono_us }).unwrap();
        writer.begin(slot);
        writer.set(0, counter);
        writer.end(Elapsed::Clock);
    }
    let newest = wall_us / 1_000_000;
    let found = rows(&host, newest - 90, newest);
    assert_eq!(found.len(), 91);
    for (second, row) in found {
        assert!(row[0].is_some_and(|rate| (rate - 50.0).abs() < 0.01), "{second}: {row:?}");
    }
}

#[test]
fn queries_group_filter_and_refuse() {
    let (host, mut feed) = host(1_000);
    let slot = define(&mut feed, &[("up", Algorithm::Absolute), ("down", Algorithm::Absolute)]);
    {
        let mut writer = feed.writer(at(START_S)).unwrap();
        let hidden = DimensionOptions::HIDDEN;
        writer
            .define_dimension(slot, &DimensionDefinition { id: "idle", options: hidden, ..Default::default() })
            .unwrap();
    }
    for second in 0..100 {
        store(&mut feed, slot, START_S + second, &[Some(second as f64), Some(-(second as f64)), Some(7.0)]);
    }
    let end = START_S + 99;
    let ask = |dimensions: Option<&SimplePattern>, group, points, after_s| {
        let window = WindowRequest { after_s, points, unaligned: true, ..Default::default() };
        host.query(&Query { dimensions, window, group, ..Query::new(Charts::One("test.chart")) }, end + 5)
    };
    let answer = ask(None, Group::Average, 2, -10).unwrap();
    assert_eq!(answer.columns.iter().map(|c| &*c.id).collect::<Vec<_>>(), ["up", "down"]);
    let found: Vec<_> = answer.rows().map(|(time, row)| (time, row.iter().collect::<Vec<_>>())).collect();
    assert_eq!(found, [(end - 5, vec![92.0, -92.0]), (end, vec![97.0, -97.0])]);
    for (group, expected) in [(Group::Min, -95.0), (Group::Max, -99.0), (Group::Sum, -485.0)] {
        let answer = ask(None, group, 2, -10).unwrap();
        assert_eq!(answer.rows().next_back().unwrap().1.get(1), expected, "{group:?}");
    }
    let all = SimplePattern::new("*");
    assert_eq!(ask(Some(&all), Group::Average, 1, -10).unwrap().columns.len(), 3);
    assert!(ask(Some(&SimplePattern::new("nothing")), Group::Average, 1, -10).is_err());
    assert!(ask(None, Group::Average, 1, START_S - 100_000).is_ok());
    let window = WindowRequest { after_s: START_S - 900, before_s: START_S - 800, ..Default::default() };
    let query = Query { window, ..Query::new(Charts::One("test.chart")) };
    assert!(host.query(&query, end).is_err(), "the whole window lies before the data");
    assert!(host.query(&Query { charts: Charts::One("no.chart"), ..query }, end).is_err());
}

/// Goal: rows that come late for one sealed block after another cost a bounded share of each second;
/// rows beyond are refused and counted, and taken again in the next second.
#[test]
fn repairs_are_limited_per_second() {
    const DIMENSIONS: usize = 5_000;
    let (host, mut feed) = host(3_600);
    let ids: Vec<String> = (0..DIMENSIONS).map(|number| format!("d{number}")).collect();
    let dimensions: Vec<_> = ids.iter().map(|id| (id.as_str(), Algorithm::Absolute)).collect();
    let slot = define(&mut feed, &dimensions);
    let (early_s, last_s) = (START_S - START_S % 60, START_S + 600);
    assert!(store(&mut feed, slot, early_s, &[Some(1.0)]));
    assert!(store(&mut feed, slot, last_s, &[Some(1.0)]));
    // Never the same block twice in a row, so that each row opens one.
    let late = |number: i64| early_s + 60 * (number % 2) + 1 + number / 2;
    let mut write = |second: i64, number: i64| {
        let mut writer = feed.writer(at(second)).unwrap();
        writer.begin(slot);
        writer.set_stored(7, None, Packed::pack(2.0, PointFlags::NORMAL));
        writer.end_stored(late(number), false)
    };
    let taken = (0..40).take_while(|&number| write(START_S, number)).count() as i64;
    assert!((5..30).contains(&taken), "{taken} blocks of {} values", 60 * DIMENSIONS);
    assert!(!write(START_S, taken));
    assert_eq!(host.figures().rows_refused.get(), 2);
    assert!(write(START_S + 1, taken), "the next second");
    assert!(!write(START_S + 1, taken), "it is there now");
    assert_eq!(host.figures().rows_refused.get(), 2);
}
